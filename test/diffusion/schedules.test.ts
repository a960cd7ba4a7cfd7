// Noise levels and schedules against PyTorch and SciPy; ComfyUI's meaning of denoise.
import { betaQuantile } from '../../engine/diffusion/beta-quantile.ts';
import { readNoiseLevels, type SchedulerConfig } from '../../engine/diffusion/noise-levels.ts';
import { makeSigmas, scheduleNames } from '../../engine/diffusion/schedules.ts';
import { readFixture } from './fixture.ts';

interface Entry {
  readonly name: string;
  readonly config: SchedulerConfig;
  readonly levels: Record<string, number>;
  readonly sigmaAt: readonly [number, number][];
  readonly schedules: readonly { name: string; steps: number; sigmas: number[] }[];
}

const { configs } = readFixture<{ configs: Entry[] }>('schedules.json');
const stableDiffusion = configs.find(({ name }) => name === 'scaled_linear')!;
const levels = readNoiseLevels(stableDiffusion.config);

describe.each(configs)('$name', ({ config, levels: expected, sigmaAt, schedules }) => {
  const made = readNoiseLevels(config);

  test('the training levels are those of PyTorch', () => {
    for (const [i, sigma] of Object.entries(expected)) expect(made.sigmas[Number(i)] / sigma).toBeCloseTo(1, 6);
  });

  test('a fractional timestep interpolates in log sigma, and the nearest whole one comes back', () => {
    for (const [t, sigma] of sigmaAt) {
      expect(made.sigmaAt(t) / sigma).toBeCloseTo(1, 6);
      expect(Math.abs(made.nearestTimestep(made.sigmaAt(t)) - t)).toBeLessThanOrEqual(0.5 + 1e-4);
    }
  });

  test.each(schedules)('$name over $steps steps', ({ name, steps, sigmas }) => {
    const actual = makeSigmas(made, { schedule: name, steps });
    expect(actual).toHaveLength(sigmas.length);
    sigmas.forEach((sigma, i) => {
      expect(Math.abs(actual[i] - sigma)).toBeLessThanOrEqual(1e-6 * sigma);
    });
  });
});

test("Stable Diffusion's levels are the ones that everybody knows", () => {
  expect(levels.sigmaMin).toBeCloseTo(0.0292, 4);
  expect(levels.sigmaMax).toBeCloseTo(14.6146, 4);
});

test('timesteps are held at both ends', () => {
  expect([levels.nearestTimestep(0), levels.nearestTimestep(1e-9), levels.nearestTimestep(1e9)]).toEqual([0, 0, 999]);
  expect([levels.sigmaAt(-3), levels.sigmaAt(5000)]).toEqual([levels.sigmaMin, levels.sigmaMax]);
});

test.each(scheduleNames)('%s falls from the largest level to zero', (schedule) => {
  for (const steps of [1, 2, 3, 20, 100]) {
    const sigmas = [...makeSigmas(levels, { schedule, steps })];
    expect(sigmas.at(-1)).toBe(0);
    expect(sigmas[0]).toBeGreaterThan(0);
    expect(sigmas).toEqual([...sigmas].sort((a, b) => b - a));
    expect(sigmas.every(Number.isFinite)).toBe(true);
  }
});

test('denoise takes the last steps of a longer run', () => {
  const whole = makeSigmas(levels, { schedule: 'karras', steps: 40 });
  const half = makeSigmas(levels, { schedule: 'karras', steps: 20, denoise: 0.5 });
  expect([...half]).toEqual([...whole.slice(-21)]);
  expect(makeSigmas(levels, { schedule: 'karras', steps: 7, denoise: 0.3 })).toHaveLength(8); // of 23
});

test('denoise 0 asks for no step at all, denoise 1 for all of them', () => {
  expect(makeSigmas(levels, { schedule: 'normal', steps: 20, denoise: 0 })).toHaveLength(0);
  expect(makeSigmas(levels, { schedule: 'normal', steps: 20, denoise: 1 })[0]).toBeCloseTo(levels.sigmaMax);
});

test.each([
  [{ schedule: 'cosine', steps: 5 }, /^scheduler must be one of normal, karras.*"cosine"\.$/],
  [{ schedule: '__proto__', steps: 5 }, /^scheduler must be one of .*"__proto__"\.$/],
  [{ schedule: 'normal', steps: 0 }, /^steps must be a whole number from 1 to 10000, but is 0\.$/],
  [{ schedule: 'normal', steps: 2.5 }, /^steps .*, but is 2\.5\.$/],
  [{ schedule: 'normal', steps: 5, denoise: 1.5 }, /^denoise must be a number from 0 to 1, but is 1\.5\.$/],
  [{ schedule: 'normal', steps: 5, denoise: Number.NaN }, /^denoise .*, but is NaN\.$/],
  [
    { schedule: 'normal', steps: 100, denoise: 1e-9 },
    /^denoise must be at least 0\.001 for 100 steps .*, but is 1e-9\.$/,
  ],
])('refuses %j', (options, message) => {
  expect(() => makeSigmas(levels, options)).toThrow(message);
});

test.each([
  [{ prediction_type: 'flow' }, 'MODEL_UNSUPPORTED', 'prediction_type "flow"'],
  [{ beta_schedule: 'sigmoid' }, 'MODEL_UNSUPPORTED', 'beta_schedule "sigmoid"'],
  [{ num_train_timesteps: 1e9 }, 'MODEL_INVALID', 'num_train_timesteps is 1000000000'],
  [{ beta_start: -1 }, 'MODEL_INVALID', 'betas do not all lie between 0 and 1'],
  [{ trained_betas: [0.1, 2] }, 'MODEL_INVALID', 'betas do not all lie'],
])('a scheduler_config.json with %j is refused', (config, code, message) => {
  expect(() => readNoiseLevels(config)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  );
});

test('trained betas are used as they are', () => {
  const { sigmas } = readNoiseLevels({ trained_betas: [0.1, 0.2] });
  expect(sigmas[1]).toBeCloseTo(Math.sqrt((1 - 0.72) / 0.72), 12);
});

test('quantiles of Beta(1, 1) and Beta(2, 1) are the known ones', () => {
  for (const p of [0, 0.1, 0.5, 0.99, 1]) {
    expect(betaQuantile(p, 1, 1)).toBeCloseTo(p, 12);
    expect(betaQuantile(p, 2, 1)).toBeCloseTo(Math.sqrt(p), 12);
  }
});

test.each([
  ['sgm_uniform', [999, 833, 666, 500, 333, 166]],
  ['normal', [999, 928, 856, 785, 714, 642, 571, 499, 428, 357, 285, 214, 143, 71, 0]],
  ['normal', [999, 500, 0]],
])('%s: timesteps halfway between two go where ComfyUI rounds them', (schedule, expected) => {
  const sigmas = makeSigmas(levels, { schedule, steps: expected.length });
  expect([...sigmas.slice(0, -1)].map(levels.nearestTimestep)).toEqual(expected);
});

test('simple picks the levels that float arithmetic gives, as in ComfyUI', () => {
  const sigmas = makeSigmas(levels, { schedule: 'simple', steps: 38 });
  expect(sigmas[19]).toBe(levels.sigmas[500]);
});
