// Samplers on Gaussian data, whose denoiser and whose ODE solution are known exactly: against PyTorch step by step, and against the solution
// at the order that each method promises.
import { createNoise, createStepNoise } from '../../engine/diffusion/noise.ts';
import { readNoiseLevels } from '../../engine/diffusion/noise-levels.ts';
import { runSampler, type SamplerName, samplerNames } from '../../engine/diffusion/samplers.ts';
import { makeSigmas } from '../../engine/diffusion/schedules.ts';
import { type FlatArray, readFixture } from './fixture.ts';

interface Run {
  readonly sampler: SamplerName;
  readonly schedule: string;
  readonly sigmas: number[];
  readonly start: number[];
  readonly noises: FlatArray;
  readonly path: FlatArray;
}

const { mu, scale, runs } = readFixture<{ mu: number[]; scale: number[]; runs: Run[] }>('samplers.json');

/** E[x0 | x] for data of N(mu, scale²). */
const denoise = async (x: Float32Array, sigma: number) =>
  x.map((v, i) => (scale[i] ** 2 * v + sigma ** 2 * mu[i]) / (scale[i] ** 2 + sigma ** 2));

const row = ({ dims, data }: FlatArray, i: number) => data.slice(i * dims[1], (i + 1) * dims[1]);
const maxError = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i])));

test.each(runs)('$sampler over $schedule walks the path of PyTorch to 1e-4', async (run) => {
  let step = 0;
  const states: Float32Array[] = [];
  const end = await runSampler(run.sampler, {
    denoise,
    sigmas: run.sigmas,
    x: Float32Array.from(run.start),
    // Samplers that add noise ask for it in each step but the last.
    noise: () => Float32Array.from(row(run.noises, step++)),
    onStep: ({ x }) => states.push(x),
  });
  const path = [...states.slice(1), end];
  expect(path).toHaveLength(run.path.dims[0]);
  path.forEach((x, i) => {
    expect(maxError(x, row(run.path, i))).toBeLessThan(1e-4);
  });
});

test('the reference covers every sampler', () => {
  expect(new Set(runs.map(({ sampler }) => sampler))).toEqual(new Set(samplerNames));
});

/** Largest error against the ODE's solution at σ = 0.1, from σ = 10, over steps even in log σ. */
async function odeError(sampler: SamplerName, steps: number): Promise<number> {
  const [from, to] = [10, 0.1];
  const sigmas = Array.from({ length: steps + 1 }, (_, i) => from * (to / from) ** (i / steps));
  const start = Float32Array.from(mu, (m, i) => m + 10 * Math.sin(i + 1));
  const exact = Array.from(
    start,
    (x, i) => mu[i] + (x - mu[i]) * Math.sqrt((scale[i] ** 2 + to ** 2) / (scale[i] ** 2 + from ** 2)),
  );
  const end = await runSampler(sampler, { denoise, sigmas, x: start, noise: none });
  return maxError(end, exact);
}

const none = () => {
  throw new Error('this sampler needs no noise');
};

test.each([
  ['euler', 1],
  ['ddim', 1],
  ['dpmpp_2m', 2],
] as const)('%s converges to the solution at order %i', async (sampler, order) => {
  const [coarse, fine] = [await odeError(sampler, 20), await odeError(sampler, 80)];
  const measured = Math.log(coarse / fine) / Math.log(4);
  expect(fine).toBeLessThan(coarse);
  expect(measured).toBeGreaterThan(order - 0.25);
  expect(measured).toBeLessThan(order + 0.6);
});

test.each(['euler_ancestral', 'dpmpp_2m_sde'] as const)('%s leaves the data distribution behind', async (sampler) => {
  const count = 20_000;
  const [m, s] = [0.7, 0.5];
  const levels = readNoiseLevels({ beta_schedule: 'scaled_linear', beta_start: 0.00085, beta_end: 0.012 });
  const sigmas = makeSigmas(levels, { schedule: 'karras', steps: 60 });
  const x = await runSampler(sampler, {
    denoise: async (at, sigma) => at.map((v) => (s ** 2 * v + sigma ** 2 * m) / (s ** 2 + sigma ** 2)),
    sigmas,
    x: createNoise(3, count)().map((v) => v * sigmas[0]),
    noise: createStepNoise(3, count),
  });
  const mean = x.reduce((a, v) => a + v, 0) / count;
  const deviation = Math.sqrt(x.reduce((a, v) => a + (v - mean) ** 2, 0) / count);
  expect(mean).toBeCloseTo(m, 1);
  expect(Math.abs(deviation / s - 1)).toBeLessThan(0.1);
});

test.each(samplerNames)(
  '%s ends at the last estimate when the last sigma is 0, and leaves its input alone',
  async (sampler) => {
    const x = Float32Array.from(mu, () => 5);
    const before = x.slice();
    let last: Float32Array | undefined;
    const end = await runSampler(sampler, {
      denoise,
      sigmas: [5, 2, 1, 0],
      x,
      noise: createStepNoise(1, x.length),
      onStep: ({ denoised }) => {
        last = denoised;
      },
    });
    expect(maxError(end, last!)).toBeLessThan(1e-6);
    expect(x).toEqual(before);
  },
);

test('an abort between steps ends the run before the next call of the denoiser', async () => {
  const stop = new AbortController();
  let calls = 0;
  const run = runSampler('euler', {
    denoise: async (x) => {
      calls++;
      // As a message from outside would come: on a turn of the event loop.
      if (calls === 2) setImmediate(() => stop.abort(new Error('enough')));
      return x;
    },
    sigmas: [5, 4, 3, 2, 1, 0],
    x: new Float32Array(4),
    noise: none,
    signal: stop.signal,
  });
  await expect(run).rejects.toThrow('enough');
  expect(calls).toBe(2);
});
