// Every rule against central differences in float64, over a grid of shapes. Ops that onnxruntime has no float64
// kernel for are in rules-fixtures.test.ts.
import { gradientError } from '../helpers/check-gradient.ts';
import { makeModel } from '../helpers/model.ts';
import { cases } from './rule-cases.ts';
import { visionCases } from './rule-cases-vision.ts';

const TOLERANCE = 1e-6;

test.each([...cases, ...visionCases])('$name', async ({ model, wrt, domain }) => {
  expect(await gradientError({ model: makeModel(model), wrt, ...(domain && { domain }) })).toBeLessThan(TOLERANCE);
});

describe('the check itself', () => {
  const product = makeModel({
    nodes: [{ op: 'Mul', inputs: ['x0', 'x1'] }],
    inputs: { x0: { dims: [3, 4] }, x1: { dims: [4] } },
  });

  test('accepts the right gradient', async () => {
    expect(await gradientError({ model: product, wrt: ['x0', 'x1'] })).toBeLessThan(TOLERANCE);
  });

  test('sees a gradient that is 0.1 % off', async () => {
    expect(
      await gradientError({ model: product, wrt: ['x0'], tamper: (g) => g.map((v) => v * 1.001) }),
    ).toBeGreaterThan(100 * TOLERANCE);
  });

  test('sees one wrong element', async () => {
    const tamper = (g: Float64Array) => g.map((v, i) => (i === 0 ? v + 0.01 : v));
    expect(await gradientError({ model: product, wrt: ['x0'], tamper })).toBeGreaterThan(100 * TOLERANCE);
  });
});
