// Seeded noise: reproducible, normal, and PyTorch's numbers.
import { createBrownianNoise } from '../../engine/diffusion/brownian-noise.ts';
import { createNoise, createStepNoise } from '../../engine/diffusion/noise.ts';
import { readFixture } from './fixture.ts';

interface Case {
  readonly seed: string;
  readonly size: number;
  readonly draws: readonly { readonly data: readonly number[] }[];
  readonly sums: readonly number[];
}

interface Path {
  readonly seed: string;
  readonly size: number;
  readonly sigmas: readonly number[];
  readonly steps: readonly { readonly data: readonly number[] }[];
}

const { cases, ends, paths } = readFixture<{ cases: Case[]; ends: number; paths: Path[] }>('noise.json');

test.each(cases)('seed $seed gives the $size numbers of torch.randn, call by call', ({ seed, size, draws, sums }) => {
  const next = createNoise(BigInt(seed), size);
  draws.forEach(({ data }, call) => {
    const noise = [...next()];
    const shown = size <= 2 * ends ? noise : [...noise.slice(0, ends), ...noise.slice(-ends)];
    expect(Math.max(...shown.map((v, i) => Math.abs(v - data[i])))).toBeLessThan(5e-7);
    const sum = noise.reduce((a, v) => a + v, 0);
    expect(Math.abs(sum - sums[call])).toBeLessThan(1e-7 * size);
  });
});

test.each(paths)("seed $seed gives the path of torchsde's Brownian tree, step by step and in any order", (path) => {
  const make = () => createBrownianNoise(BigInt(path.seed), path.size, [...path.sigmas, 0]);
  const noise = make();
  path.steps.forEach(({ data }, i) => {
    const [from, to] = path.sigmas.slice(i, i + 2);
    const step = noise(from, to);
    expect(Math.max(...data.map((v, k) => Math.abs(v - step[k])))).toBeLessThan(5e-6);
    expect(make()(from, to)).toEqual(step);
  });
});

test('the same seed gives the same numbers, another seed or call others', () => {
  const first = createNoise(1, 64)();
  expect(createNoise(1, 64)()).toEqual(first);
  expect(createNoise(1n, 64)()).toEqual(first);
  const source = createNoise(1, 64);
  source();
  for (const other of [createNoise(2, 64)(), createStepNoise(1, 64)(), source()]) expect(other).not.toEqual(first);
});

test('the noise of the steps is that of the next seed, and there is one after the last seed', () => {
  expect(createStepNoise(7, 32)()).toEqual(createNoise(8, 32)());
  expect(createStepNoise(2n ** 64n - 1n, 32)()).toEqual(createNoise(0, 32)());
});

test('a larger batch begins with the items of a smaller one, and its items differ', () => {
  const [two, three] = [createNoise(1, 2 * 64)(), createNoise(1, 3 * 64)()];
  expect(three.slice(0, 128)).toEqual(two);
  expect(three.slice(0, 64)).not.toEqual(three.slice(64, 128));
});

test('a million numbers are normal: moments, tails and neighbours', () => {
  const size = 1_000_000;
  const noise = createNoise(42, size)();
  const mean = (f: (v: number, i: number) => number) => noise.reduce((sum, v, i) => sum + f(v, i), 0) / size;
  expect(Math.abs(mean((v) => v))).toBeLessThan(0.005);
  expect(mean((v) => v * v)).toBeCloseTo(1, 2);
  expect(Math.abs(mean((v) => v ** 3))).toBeLessThan(0.02);
  expect(Math.abs(mean((v) => v ** 4) - 3)).toBeLessThan(0.05);
  expect(mean((v) => (Math.abs(v) < 1 ? 1 : 0))).toBeCloseTo(0.6827, 2);
  expect(Math.abs(mean((v, i) => v * noise[(i + 1) % size]))).toBeLessThan(0.005);
});

test('seeds next to each other are not alike', () => {
  const [a, b] = [createNoise(0, 100_000)(), createNoise(1, 100_000)()];
  const product = a.reduce((sum, v, i) => sum + v * b[i], 0) / a.length;
  expect(Math.abs(product)).toBeLessThan(0.02);
});
