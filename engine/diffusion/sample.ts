// KSampler: model, two conditionings, a latent and a seed → the sampled latent, with ComfyUI's meaning of steps, cfg and denoise.
import * as check from '../check.ts';
import { InputError } from '../errors.ts';
import { createBrownianNoise } from './brownian-noise.ts';
import type { DiffusionModel } from './checkpoint.ts';
import type { Conditioning } from './conditioning.ts';
import { makeDenoiser } from './denoiser.ts';
import { checkLatent, type Latent } from './latent.ts';
import { createNoise, createStepNoise, type StepNoise } from './noise.ts';
import type { NoiseLevels } from './noise-levels.ts';
import { pathSamplers, runSampler, type SamplerName, samplerNames } from './samplers.ts';
import { makeSigmas } from './schedules.ts';

export interface SampleProgress {
  /** From 1. */
  readonly step: number;
  readonly steps: number;
  readonly sigma: number;
  /** The current estimate of the clean latent, unscaled: decode it or preview it. */
  denoised(): Latent;
}

export interface SampleOptions {
  readonly model: DiffusionModel;
  readonly positive: Conditioning;
  readonly negative: Conditioning;
  readonly latent: Latent;
  /** 0 to 2⁶⁴ − 1. */
  readonly seed: number | bigint;
  readonly steps: number;
  /** Guidance; at 1 the negative is not used. LCM's U-Nets take it as an input instead. */
  readonly cfg: number;
  readonly sampler: string;
  readonly scheduler: string;
  /** 1: from noise alone; less: from the latent, with that share of the noise; 0: the latent as it is. */
  readonly denoise?: number;
  readonly signal?: AbortSignal;
  /** After each step; what it throws ends the run. */
  readonly onStep?: (progress: SampleProgress) => void;
  /** Instead of the schedule's: falling, the last one 0 or where to stop. */
  readonly sigmas?: ArrayLike<number>;
  /** Instead of the seed's: unit noise for the start, and for each step that adds some. */
  readonly noise?: { readonly start: Float32Array; readonly steps?: StepNoise };
}

/** How near a σ must be to the model's largest to count as "noise alone". */
const NEAR = 1e-5;

/**
 * Samples. The noise of the whole batch is drawn from the seed, as in ComfyUI. The same options give the same bits on one machine.
 * Throws OPTION_INVALID, MODEL_UNSUPPORTED, MODEL_INVALID; the signal's reason when aborted, within one step.
 */
export async function sample(options: SampleOptions): Promise<Latent> {
  const { model, seed, signal, onStep } = options;
  checkOptions(options);
  await checkChannels(model);
  const latent = fitEmpty(options.latent, model);
  checkLatent(latent, model.vae.channels);
  const sigmas =
    options.sigmas ??
    makeSigmas(model.levels, { schedule: options.scheduler, steps: options.steps, denoise: options.denoise });
  if (sigmas.length < 2) return { shape: latent.shape, data: latent.data.slice() };
  const numbers = latent.data.length;
  const { scale } = model.vae;
  const denoise = await makeDenoiser({
    ...options,
    unet: model.unet,
    levels: model.levels,
    shape: latent.shape,
    scale,
  });
  const x = await runSampler(options.sampler as SamplerName, {
    denoise,
    sigmas,
    x: addNoise(toModel(latent, model), options.noise?.start ?? createNoise(seed, numbers)(), sigmas[0], model.levels),
    noise: options.noise?.steps ?? stepNoise(options, sigmas),
    signal,
    onStep: ({ index, sigma, denoised }) =>
      onStep?.({
        step: index + 1,
        steps: sigmas.length - 1,
        sigma,
        denoised: () => fromModel(denoised, latent.shape, model),
      }),
  });
  return fromModel(x, latent.shape, model);
}

const stepNoise = ({ sampler, seed, latent }: SampleOptions, sigmas: ArrayLike<number>): StepNoise =>
  pathSamplers.has(sampler)
    ? createBrownianNoise(seed, latent.data.length, sigmas)
    : createStepNoise(seed, latent.data.length);

function checkOptions({ positive, negative, sampler, cfg, seed, latent, noise }: SampleOptions): void {
  check.oneOf('sampler', sampler, samplerNames);
  check.finite('cfg', cfg);
  check.integer('seed', seed, { min: 0, max: 2n ** 64n - 1n });
  for (const [name, { length }] of Object.entries({ positive, negative }))
    if (length === 0)
      throw check.invalidCount(
        `The ${name} conditioning`,
        'at least one part (encode a text, which may be empty)',
        length,
      );
  checkLatent(latent);
  const numbers = latent.data.length;
  if (noise && noise.start.length !== numbers)
    throw check.invalidCount('The noise', `as many numbers as the latent, which are ${numbers}`, noise.start.length);
}

/** Throws MODEL_UNSUPPORTED for U-Nets that take more than the latent, such as those for inpainting. */
async function checkChannels({ unet, vae }: DiffusionModel): Promise<void> {
  const channels = await unet.channels();
  if (channels === undefined || channels === vae.channels) return;
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `${unet.model.path} takes ${channels} channels where the VAE makes ${vae.channels}: inpainting and other special U-Nets cannot be used.`,
  );
}

/** An empty latent has no content: it takes on the channels and scale of the model, as in ComfyUI. */
function fitEmpty(latent: Latent, { vae }: DiffusionModel): Latent {
  const [batch, c, h, w] = latent.shape;
  if (latent.emptyScale === undefined || latent.data.some((v) => v !== 0)) return latent;
  const resize = (n: number) => Math.max(1, Math.round((n * latent.emptyScale!) / vae.scale));
  const shape = [batch, vae.channels, resize(h), resize(w)] as const;
  if (c === shape[1] && h === shape[2] && w === shape[3]) return latent;
  return { shape, data: new Float32Array(shape.reduce((a, b) => a * b)) };
}

/** z = (vae − shift) · scaling; zeros are not a picture and stay zeros. */
function toModel({ data }: Latent, { vae }: DiffusionModel): Float32Array {
  if (data.every((v) => v === 0)) return data;
  return data.map((v) => (v - vae.shiftFactor) * vae.scalingFactor);
}

const fromModel = (z: Float32Array, shape: Latent['shape'], { vae }: DiffusionModel): Latent => ({
  shape,
  data: z.map((v) => v / vae.scalingFactor + vae.shiftFactor),
});

/** x = z + σ·n; from the highest level on √(1 + σ²)·n, since there the model expects noise of exactly unit variance. */
function addNoise(z: Float32Array, noise: Float32Array, sigma: number, { sigmaMax }: NoiseLevels): Float32Array {
  const full = sigma > sigmaMax || Math.abs(sigma - sigmaMax) <= NEAR * sigmaMax;
  const gain = full ? Math.sqrt(1 + sigma ** 2) : sigma;
  return z.map((v, i) => v + gain * noise[i]);
}
