// Rules against PyTorch: the ops that onnxruntime has no float64 kernel for, and others once more.
import { rules } from '../../engine/autodiff/rules.ts';
import { createSession } from '../../engine/onnx/session.ts';
import { fixtureOps, opCases, runGradients } from '../helpers/op-fixtures.ts';

const TOLERANCE = 1e-5;
const cases = fixtureOps()
  .filter((op) => op in rules)
  .flatMap(opCases);

test.each(cases)('$name', async (example) => {
  const gradients = await runGradients(example, createSession);
  example.gradients.forEach((expected, i) => {
    if (!expected) return;
    const actual = gradients.get(`x${i}`)!;
    expect(actual.length).toBe(expected.data.length);
    const worst = Math.max(
      0,
      ...expected.data.map((value, k) => Math.abs(value - actual[k]) / Math.max(1, Math.abs(value))),
    );
    expect(worst).toBeLessThan(TOLERANCE);
  });
});
