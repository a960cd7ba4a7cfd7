// Vectors: against plain formulas, and the promise that sums are taken in float64.
import fc from 'fast-check';
import { concat, cosine, dot, mean, meanVector, norm, normalise, scale, sum, weightedSum } from '../engine/vector.ts';

const vector = (length: number) =>
  fc.float32Array({ minLength: length, maxLength: length, noNaN: true, min: -1e3, max: 1e3 });
const pair = fc.integer({ min: 1, max: 9 }).chain((n) => fc.tuple(vector(n), vector(n)));

test('a dot product is summed in float64', () => {
  expect(dot(Float32Array.of(1e8, 1, -1e8), Float32Array.of(1, 1, 1))).toBe(1);
});

test('a normalised vector has length 1 and points the same way; zeros stay zeros', () => {
  fc.assert(
    fc.property(vector(5), (v) => {
      fc.pre(norm(v) > 1e-3);
      expect(norm(normalise(v))).toBeCloseTo(1, 5);
      expect(dot(v, normalise(v)) / norm(v)).toBeCloseTo(1, 5);
    }),
  );
  expect(normalise(new Float32Array(3))).toEqual(new Float32Array(3));
});

test('weighted sums, means and multiples are those of their elements', () => {
  fc.assert(
    fc.property(pair, ([a, b]) => {
      const total = weightedSum([a, b], [2, -0.5]);
      for (const [i, x] of a.entries()) expect(total[i]).toBeCloseTo(2 * x - 0.5 * b[i], 2);
      for (const [i, x] of meanVector([a, b]).entries()) expect(x).toBeCloseTo((a[i] + b[i]) / 2, 3);
      expect(scale(a, 3)).toEqual(a.map((x) => 3 * x));
    }),
  );
});

test('vectors of any lengths are put one after the other', () => {
  expect(concat([Float32Array.of(1, 2), new Float32Array(0), Float32Array.of(3)])).toEqual(Float32Array.of(1, 2, 3));
  expect(concat([])).toHaveLength(0);
});

test('plain numbers: sum and mean', () => {
  expect([sum([]), sum([1, 2, 3]), mean([1, 2, 6])]).toEqual([0, 6, 3]);
});

test('the cosine of unit vectors; vectors of two lengths cannot be compared', () => {
  expect(cosine(Float32Array.of(0, 1), Float32Array.of(0, -1))).toBe(-1);
  expect(() => cosine(new Float32Array(2), new Float32Array(3))).toThrow(
    expect.objectContaining({ code: 'MODEL_UNSUPPORTED', message: expect.stringContaining('2 and 3 numbers') }),
  );
});
