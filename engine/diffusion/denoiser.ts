// U-Net + conditionings → the denoiser that samplers call: x at noise level σ → x0, with classifier-free guidance.
import { scale } from '../vector.ts';
import type { Conditioning, ConditioningPart } from './conditioning.ts';
import type { NoiseLevels, PredictionType } from './noise-levels.ts';
import type { Denoise } from './samplers.ts';
import type { Unet } from './unet.ts';

export interface DenoiserOptions {
  readonly unet: Unet;
  readonly levels: NoiseLevels;
  readonly positive: Conditioning;
  /** Not used if cfg is 1. */
  readonly negative: Conditioning;
  /** x0 = negative + cfg · (positive − negative) (Ho & Salimans 2022, in the form of Stable Diffusion). */
  readonly cfg: number;
  /** [batch, channels, height, width] of x. */
  readonly shape: readonly [number, number, number, number];
  /** Pixels an element of the latent stands for. */
  readonly scale: number;
}

/** A part of the conditioning and its share in the guided prediction. */
interface Share {
  readonly part: ConditioningPart;
  readonly factor: number;
}

/** Most rows that run together: more would only cost memory. */
const MAX_ROWS = 16;

/** The denoiser of one run. Throws what the U-Net throws. */
export async function makeDenoiser(options: DenoiserOptions): Promise<Denoise> {
  const { unet, levels, shape } = options;
  const groups = groupByLength(await sharesOf(options), Math.max(1, Math.floor(MAX_ROWS / shape[0])));
  return async (x, sigma) => {
    const scaled = scale(x, 1 / Math.sqrt(sigma ** 2 + 1));
    // U-Nets were trained at whole timesteps.
    const timestep = levels.nearestTimestep(sigma);
    const guided = new Float32Array(x.length);
    for (const group of groups) {
      const output = await unet.run(callOf(group, scaled, timestep, options));
      group.forEach(({ factor }, i) => {
        const at = i * x.length;
        for (let j = 0; j < x.length; j++) guided[j] += factor * output[at + j];
      });
    }
    return toCleanLatent[levels.prediction](guided, x, sigma);
  };
}

/** Output of the U-Net → x0, in place. The rules of ComfyUI's and diffusers' models, in variance-exploding form. */
const toCleanLatent: Record<PredictionType, (output: Float32Array, x: Float32Array, sigma: number) => Float32Array> = {
  epsilon: (output, x, sigma) => mixInto(output, -sigma, x, 1),
  v_prediction: (output, x, sigma) => mixInto(output, -sigma / Math.sqrt(sigma ** 2 + 1), x, 1 / (sigma ** 2 + 1)),
  sample: (output) => output,
};

/** output ← a · output + b · x. */
function mixInto(output: Float32Array, a: number, x: Float32Array, b: number): Float32Array {
  for (let i = 0; i < x.length; i++) output[i] = a * output[i] + b * x[i];
  return output;
}

/** Guidance and averages are linear in the predictions, so each part has one factor; the factors sum to 1. */
async function sharesOf({ unet, positive, negative, cfg }: DenoiserOptions): Promise<Share[]> {
  const equal = (parts: Conditioning, factor: number) => parts.map((part) => ({ part, factor: factor / parts.length }));
  if (Math.abs(cfg - 1) < 1e-9 || (await unet.guidesItself())) return equal(positive, 1);
  return [...equal(negative, 1 - cfg), ...equal(positive, cfg)];
}

/** Parts of the same length run in one batch. */
function groupByLength(shares: readonly Share[], limit: number): Share[][] {
  const groups: Share[][] = [];
  for (const share of shares) {
    const group = groups.find((g) => g[0].part.length === share.part.length && g.length < limit);
    if (group) group.push(share);
    else groups.push([share]);
  }
  return groups;
}

/** One batch: for each part all items of x. */
function callOf(group: readonly Share[], x: Float32Array, timestep: number, options: DenoiserOptions) {
  const [batch, channels, height, width] = options.shape;
  const sample = new Float32Array(group.length * x.length);
  group.forEach((_, i) => {
    sample.set(x, i * x.length);
  });
  const { length, width: stateWidth } = group[0].part;
  const pixels = [height * options.scale, width * options.scale];
  return {
    shape: [group.length * batch, channels, height, width] as const,
    sample,
    timestep,
    states: repeatEach(
      group.map(({ part }) => part.states),
      batch,
    ),
    length,
    width: stateWidth,
    pooled: group.every(({ part }) => part.pooled)
      ? repeatEach(
          group.map(({ part }) => part.pooled!),
          batch,
        )
      : undefined,
    timeIds: [...pixels, 0, 0, ...pixels],
    guidance: options.cfg - 1,
  };
}

/** Each array `times` times, one after the other. */
function repeatEach(arrays: readonly Float32Array[], times: number): Float32Array {
  const size = arrays[0].length;
  const result = new Float32Array(arrays.length * times * size);
  for (let i = 0; i < arrays.length * times; i++) result.set(arrays[Math.floor(i / times)], i * size);
  return result;
}
