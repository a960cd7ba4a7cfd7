// Samplers under ComfyUI's names: from noise at sigmas[0] to a picture at sigmas.at(-1), by calling a denoiser at each step.
// x = x0 + σ·n (variance-exploding form); the ODE behind all of them is dx/dσ = (x − x0(x, σ)) / σ.
import type { StepNoise } from './noise.ts';

/** x at noise level σ → the estimate of the clean x0. Neither is changed. */
export type Denoise = (x: Float32Array, sigma: number) => Promise<Float32Array>;

export interface SamplerStep {
  /** From 0. */
  readonly index: number;
  readonly sigma: number;
  /** Where the step began. */
  readonly x: Float32Array;
  /** The denoiser's estimate there. */
  readonly denoised: Float32Array;
}

export interface SamplerInput {
  readonly denoise: Denoise;
  /** Falling; the last may be 0. */
  readonly sigmas: ArrayLike<number>;
  /** The start, at noise level sigmas[0]; not changed. */
  readonly x: Float32Array;
  /** Fresh noise for the samplers that add some. */
  readonly noise: StepNoise;
  /** Called once per step, after the denoiser. */
  readonly onStep?: (step: SamplerStep) => void;
  readonly signal?: AbortSignal;
}

/** One step of a sampler; what it remembers of earlier steps is in its closure. */
type Step = (at: StepState) => Float32Array;

interface StepState extends SamplerStep {
  readonly next: number;
  readonly noise: StepNoise;
}

/** One more sampler: one line here (a function that is called once per run and returns its step). */
const steps = {
  euler: () => eulerStep,
  euler_ancestral: () => eulerAncestralStep,
  // In this form DDIM without its own noise (η = 0, Song et al. 2020) is Euler's method, step for step.
  ddim: () => eulerStep,
  dpmpp_2m: dpmpp2m,
  dpmpp_2m_sde: dpmpp2mSde,
  lcm: () => lcmStep,
} satisfies Record<string, () => Step>;

export type SamplerName = keyof typeof steps;

/** Samplers whose noise is the increments of one path (createBrownianNoise), as in ComfyUI; the others draw fresh noise. */
export const pathSamplers: ReadonlySet<string> = new Set<SamplerName>(['dpmpp_2m_sde']);

export const samplerNames = Object.keys(steps) as readonly SamplerName[];

/**
 * Runs a sampler to its end and returns x there; the denoiser is called once per step. Between steps the event loop gets a
 * turn, so that an abort is noticed: the promise then rejects with the signal's reason.
 */
export async function runSampler(name: SamplerName, input: SamplerInput): Promise<Float32Array> {
  const { sigmas, denoise, noise, onStep, signal } = input;
  const step: Step = steps[name]();
  let x = input.x;
  for (let index = 0; index + 1 < sigmas.length; index++) {
    await nextTurn();
    signal?.throwIfAborted();
    const sigma = sigmas[index];
    const denoised = await denoise(x, sigma);
    signal?.throwIfAborted();
    onStep?.({ index, sigma, x, denoised });
    x = step({ index, sigma, next: sigmas[index + 1], x, denoised, noise });
  }
  return x;
}

/** A turn for messages and timers: inference blocks the event loop, and promises alone never leave it. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** a·x + b·y (+ c·z), element by element. */
function mix(a: number, x: Float32Array, b: number, y: Float32Array, c = 0, z = y): Float32Array {
  const result = new Float32Array(x.length);
  if (c === 0) for (let i = 0; i < x.length; i++) result[i] = a * x[i] + b * y[i];
  else for (let i = 0; i < x.length; i++) result[i] = a * x[i] + b * y[i] + c * z[i];
  return result;
}

/** x' = x + (σ' − σ)·(x − x0)/σ = (σ'/σ)·x + (1 − σ'/σ)·x0 (Karras et al. 2022, algorithm 1 without its churn). */
function eulerStep({ x, denoised, sigma, next }: StepState): Float32Array {
  return mix(next / sigma, x, 1 - next / sigma, denoised);
}

/** Euler down to σ_down, then noise up to σ': σ_up² = σ'²(σ² − σ'²)/σ², σ_down² = σ'² − σ_up². */
function eulerAncestralStep({ x, denoised, sigma, next, noise }: StepState): Float32Array {
  if (next === 0) return denoised;
  const up = Math.min(next, Math.sqrt((next ** 2 * (sigma ** 2 - next ** 2)) / sigma ** 2));
  const down = Math.sqrt(next ** 2 - up ** 2);
  return mix(down / sigma, x, 1 - down / sigma, denoised, up, noise(sigma, next));
}

/** The consistency model's answer, and noise for the next level (Luo et al. 2023, multistep consistency sampling). */
function lcmStep({ denoised, sigma, next, noise }: StepState): Float32Array {
  return next === 0 ? denoised : mix(1, denoised, next, noise(sigma, next));
}

/**
 * DPM-Solver++(2M), Lu et al. 2022, algorithm 2, in λ = −log σ: x' = (σ'/σ)·x + (1 − e^(−h))·D, where D extrapolates x0 from this and
 * the last step. The first step, and the last one to σ = 0, are of first order.
 */
function dpmpp2m(): Step {
  let last: { denoised: Float32Array; h: number } | undefined;
  return ({ x, denoised, sigma, next }) => {
    if (next === 0) return denoised;
    const h = Math.log(sigma / next);
    const ahead = last ? h / last.h / 2 : 0; // 1 / (2r), r = h_last / h
    const gain = -Math.expm1(-h);
    const result = mix(next / sigma, x, gain * (1 + ahead), denoised, -gain * ahead, last?.denoised);
    last = { denoised, h };
    return result;
  };
}

/**
 * SDE-DPM-Solver++(2M) in the midpoint form, η = 1: as above with twice the h in the decay, and noise of variance σ'²(1 − e^(−2h)).
 */
function dpmpp2mSde(): Step {
  let last: { denoised: Float32Array; h: number } | undefined;
  return ({ x, denoised, sigma, next, noise }) => {
    if (next === 0) return denoised;
    const h = Math.log(sigma / next);
    const gain = -Math.expm1(-2 * h);
    const ahead = last ? h / last.h / 2 : 0;
    const result = mix((next / sigma) * Math.exp(-h), x, gain * (1 + ahead), denoised, -gain * ahead, last?.denoised);
    const fresh = noise(sigma, next);
    const scale = next * Math.sqrt(gain);
    for (let i = 0; i < result.length; i++) result[i] += scale * fresh[i];
    last = { denoised, h };
    return result;
  };
}
