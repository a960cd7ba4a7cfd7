// Rules of linear ops without a float64 kernel (convolutions, means, resizing) against their own forward pass.
import { adjointError } from '../helpers/check-adjoint.ts';
import { makeModel } from '../helpers/model.ts';
import { linearCases } from './rule-cases-vision.ts';

const TOLERANCE = 1e-5;

test.each(linearCases)('$name', async ({ model, wrt }) => {
  expect(await adjointError(makeModel(model), wrt)).toBeLessThan(TOLERANCE);
});
