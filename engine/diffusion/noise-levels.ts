// scheduler_config.json → the noise levels that a model was trained on: sigmas, and sigma ↔ timestep.
import { oneOf } from '../check.ts';
import { InputError } from '../errors.ts';

/** What a U-Net's output means. `sample` is the picture itself (ComfyUI: x0). */
export type PredictionType = 'epsilon' | 'v_prediction' | 'sample';

const predictions: readonly PredictionType[] = ['epsilon', 'v_prediction', 'sample'];

/** Throws OPTION_INVALID unless it is left out or one of them. */
export function checkPrediction(value: string | undefined): asserts value is PredictionType | undefined {
  if (value !== undefined) oneOf('prediction', value, predictions);
}

/** The fields of scheduler_config.json that are read; missing ones take the defaults of diffusers. */
export interface SchedulerConfig {
  readonly num_train_timesteps?: number;
  readonly beta_start?: number;
  readonly beta_end?: number;
  readonly beta_schedule?: string;
  readonly trained_betas?: readonly number[] | null;
  readonly prediction_type?: string;
  readonly rescale_betas_zero_snr?: boolean;
}

export interface NoiseLevels {
  readonly prediction: PredictionType;
  /** σ_t = √((1 − ᾱ_t) / ᾱ_t), rising, one for each of the training timesteps. */
  readonly sigmas: Float64Array;
  readonly sigmaMin: number;
  readonly sigmaMax: number;
  /** σ at a timestep, which may lie between two: linear in log σ, in float32, and held at both ends. */
  sigmaAt(timestep: number): number;
  /** The training timestep whose log σ is nearest; of two that are equally near in float32, the lower one. */
  nearestTimestep(sigma: number): number;
}

/** More timesteps than any model was trained on: a limit for untrusted files. */
const MAX_TIMESTEPS = 100_000;

/** ᾱ at the last step of a schedule with zero terminal SNR: σ stays finite (about 4,500), as in ComfyUI. */
const TERMINAL_ALPHA = 4.8973451890853435e-8;

/** Throws MODEL_UNSUPPORTED for a schedule or prediction type without a rule, MODEL_INVALID for impossible numbers. */
export function readNoiseLevels(config: SchedulerConfig, source = 'scheduler_config.json'): NoiseLevels {
  let cumulative = cumulate(betasOf(config, source));
  if (config.rescale_betas_zero_snr) cumulative = rescaleToZeroSnr(cumulative);
  return makeNoiseLevels(cumulative, predictionOf(config, source));
}

/** Noise levels from ᾱ_t (`alphas_cumprod`), falling. */
export function makeNoiseLevels(alphasCumprod: ArrayLike<number>, prediction: PredictionType): NoiseLevels {
  const sigmas = Float64Array.from(alphasCumprod, (a) => Math.sqrt((1 - a) / a));
  // In float32, as in ComfyUI: for a σ halfway between two timesteps, which one is nearest depends on the last bit.
  const logs = sigmas.map((sigma) => fround(Math.log(sigma)));
  const last = sigmas.length - 1;
  return {
    prediction,
    sigmas,
    sigmaMin: sigmas[0],
    sigmaMax: sigmas[last],
    sigmaAt(timestep) {
      const t = Math.min(Math.max(timestep, 0), last);
      const low = Math.floor(t);
      const w = t - low;
      if (w === 0) return sigmas[low];
      return fround(Math.exp(fround(fround(fround(1 - w) * logs[low]) + fround(w * logs[low + 1]))));
    },
    nearestTimestep(sigma) {
      if (!(sigma > sigmas[0])) return 0;
      if (sigma >= sigmas[last]) return last;
      const low = lowerIndex(sigmas, sigma);
      const distance = (t: number) => Math.abs(fround(fround(Math.log(fround(sigma))) - logs[t]));
      return distance(low) <= distance(low + 1) ? low : low + 1;
    },
  };
}

const { fround } = Math;

/** The largest i with rising[i] ≤ value; value lies inside the range. */
function lowerIndex(rising: Float64Array, value: number): number {
  let low = 0;
  let high = rising.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (rising[middle] <= value) low = middle;
    else high = middle;
  }
  return low;
}

function predictionOf({ prediction_type = 'epsilon' }: SchedulerConfig, source: string): PredictionType {
  if (prediction_type === 'epsilon' || prediction_type === 'v_prediction' || prediction_type === 'sample')
    return prediction_type;
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `${source} has prediction_type "${prediction_type}"; epsilon, v_prediction and sample can be used.`,
  );
}

/** β_t by name; the names and defaults are those of diffusers. */
const BETAS: Record<string, (at: BetaRange) => Float64Array> = {
  linear: ({ start, end, steps }) => linspace(start, end, steps),
  scaled_linear: ({ start, end, steps }) => linspace(Math.sqrt(start), Math.sqrt(end), steps).map((b) => b * b),
  squaredcos_cap_v2: ({ steps }) =>
    Float64Array.from({ length: steps }, (_, t) =>
      Math.min(1 - squaredCosine((t + 1) / steps) / squaredCosine(t / steps), 0.999),
    ),
};

interface BetaRange {
  readonly start: number;
  readonly end: number;
  readonly steps: number;
}

function betasOf(config: SchedulerConfig, source: string): Float64Array {
  const { num_train_timesteps: steps = 1000, beta_start: start = 0.0001, beta_end: end = 0.02 } = config;
  const { beta_schedule: name = 'linear', trained_betas: trained } = config;
  if (!Number.isInteger(steps) || steps < 2 || steps > MAX_TIMESTEPS)
    throw new InputError(
      'MODEL_INVALID',
      `${source}: num_train_timesteps is ${steps}; 2 to ${MAX_TIMESTEPS} make sense.`,
    );
  if (!trained && !Object.hasOwn(BETAS, name))
    throw new InputError(
      'MODEL_UNSUPPORTED',
      `${source} has beta_schedule "${name}"; ${Object.keys(BETAS).join(', ')} can be used.`,
    );
  const betas = trained ? Float64Array.from(trained) : BETAS[name]({ start, end, steps });
  if (betas.length < 2 || betas.some((b) => !(b > 0 && b < 1)))
    throw new InputError('MODEL_INVALID', `${source}: its betas do not all lie between 0 and 1.`);
  return betas;
}

/** ᾱ(t) of Nichol & Dhariwal, "Improved Denoising Diffusion Probabilistic Models". */
const squaredCosine = (t: number): number => Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2;

/** ᾱ_t = ∏ (1 − β_i). */
function cumulate(betas: Float64Array): Float64Array {
  let product = 1;
  return betas.map((beta) => (product *= 1 - beta));
}

/** Shifts and scales √ᾱ so that it ends at 0 and begins where it did (Lin et al. 2023, algorithm 1). */
function rescaleToZeroSnr(cumulative: Float64Array): Float64Array {
  const roots = cumulative.map(Math.sqrt);
  const first = roots[0];
  const last = roots[roots.length - 1];
  const rescaled = roots.map((r) => (((r - last) * first) / (first - last)) ** 2);
  rescaled[rescaled.length - 1] = TERMINAL_ALPHA;
  return rescaled;
}

/** `count` numbers from `start` to `end`, both included; one alone is `start`. */
export function linspace(start: number, end: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => (i === 0 ? start : start + ((end - start) * i) / (count - 1)));
}
