/** @jest-environment-options {"webgpu": true} */
// Every gradient rule on WebGPU, against PyTorch: kernels that compute something else than the CPU's would mislead the search.
import { rules } from '../../engine/autodiff/rules.ts';
import { openSessionOn, runErrorOn } from '../../engine/onnx/device.ts';
import { fixtureOps, type OpCase, opCases, runGradients } from '../helpers/op-fixtures.ts';
import { describeWebgpu } from '../helpers/webgpu.ts';

const TOLERANCE = 1e-4;
const cases = fixtureOps()
  .filter((op) => op in rules)
  .flatMap(opCases);

/** What onnxruntime's WebGPU provider takes and then refuses to run: an error, never other numbers. */
const isRefused = ({ op, inputs }: OpCase): boolean =>
  op === 'MaxPool' || (/^Conv/.test(op) && inputs[0]!.dims.length === 5);

describeWebgpu('gradients on WebGPU', () => {
  test.each(cases.filter((example) => !isRefused(example)))('$name', async (example) => {
    const gradients = await runGradients(example, (model) => openSessionOn('webgpu', model));
    example.gradients.forEach((expected, i) => {
      if (!expected) return;
      const actual = gradients.get(`x${i}`)!;
      const errors = expected.data.map((value, k) => Math.abs(value - actual[k]) / Math.max(1, Math.abs(value)));
      expect(actual.length).toBe(expected.data.length);
      expect(Math.max(0, ...errors)).toBeLessThan(TOLERANCE);
    });
  });

  test.each(cases.filter(isRefused))('$name is refused', async (example) => {
    const error = await runGradients(example, (model) => openSessionOn('webgpu', model)).catch((thrown) => thrown);
    expect(runErrorOn({ device: 'webgpu', source: 'a model', error })).toMatchObject({ code: 'DEVICE_FAILED' });
  });
});
