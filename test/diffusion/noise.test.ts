// Seeded noise: reproducible, normal, and each item of a batch on its own.
import { createNoise, type NoiseOptions } from '../../engine/diffusion/noise.ts';

const draw = (options: Partial<NoiseOptions> = {}, times = 1) => {
  const next = createNoise({ seed: 1, stream: 'start', batch: 1, itemSize: 8, ...options });
  return Array.from({ length: times }, next).at(-1)!;
};

test('the same seed gives the same numbers, another seed, stream or call others', () => {
  const first = draw();
  expect(draw()).toEqual(first);
  for (const other of [draw({ seed: 2 }), draw({ stream: 'steps' }), draw({}, 2)]) expect(other).not.toEqual(first);
});

test('seeds beyond 2^53 count to the last bit', () => {
  const top = 2n ** 64n - 1n;
  expect(draw({ seed: top })).not.toEqual(draw({ seed: top - 1n }));
  expect(draw({ seed: 5n })).toEqual(draw({ seed: 5 }));
});

test("an item's noise does not depend on the size of its batch, and differs from its neighbour's", () => {
  const three = draw({ batch: 3 }, 2);
  const two = draw({ batch: 2 }, 2);
  expect(three.slice(0, 16)).toEqual(two);
  expect(three.slice(0, 8)).not.toEqual(three.slice(8, 16));
});

test.each(['start', 'steps'] as const)(
  'a million numbers of %s are normal: moments, tails and neighbours',
  (stream) => {
    const size = 1_000_000;
    const noise = draw({ itemSize: size, stream, seed: 42 });
    const mean = (f: (v: number, i: number) => number) => noise.reduce((sum, v, i) => sum + f(v, i), 0) / size;
    expect(Math.abs(mean((v) => v))).toBeLessThan(0.005);
    expect(mean((v) => v * v)).toBeCloseTo(1, 2);
    expect(Math.abs(mean((v) => v ** 3))).toBeLessThan(0.02);
    expect(Math.abs(mean((v) => v ** 4) - 3)).toBeLessThan(0.05);
    expect(mean((v) => (Math.abs(v) < 1 ? 1 : 0))).toBeCloseTo(0.6827, 2);
    expect(Math.abs(mean((v, i) => v * noise[(i + 1) % size]))).toBeLessThan(0.005);
  },
);

test('seeds next to each other are not alike', () => {
  const [a, b] = [0, 1].map((seed) => draw({ seed, itemSize: 100_000 }));
  const product = a.reduce((sum, v, i) => sum + v * b[i], 0) / a.length;
  expect(Math.abs(product)).toBeLessThan(0.02);
});

test('the numbers of a seed are these: another generator would change every picture', () => {
  expect([...draw({ seed: 0 }).slice(0, 3)].map((v) => v.toFixed(5))).toMatchInlineSnapshot(`
[
  "-0.42319",
  "-0.31440",
  "0.08514",
]
`);
});
