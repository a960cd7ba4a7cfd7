// Noise schedules under ComfyUI's names: a model's noise levels and a number of steps → the sigmas of those steps, ending at 0.
import * as check from '../check.ts';
import { betaQuantile } from './beta-quantile.ts';
import { linspace, type NoiseLevels } from './noise-levels.ts';

/** Falling sigmas, the last one 0. Usually steps + 1 of them; `ddim_uniform` and `beta` may give more or fewer. */
export type Schedule = (levels: NoiseLevels, steps: number) => number[];

/** One more schedule: one line here. */
export const schedules = {
  normal: (levels, steps) => evenTimesteps(levels, steps, steps),
  karras,
  exponential: ({ sigmaMin, sigmaMax }, steps) => [
    ...linspace(Math.log(sigmaMax), Math.log(sigmaMin), steps).map(Math.exp),
    0,
  ],
  sgm_uniform: (levels, steps) => evenTimesteps(levels, steps + 1, steps),
  simple: ({ sigmas }, steps) => [
    ...Array.from({ length: steps }, (_, i) => sigmas[sigmas.length - 1 - Math.floor(i * (sigmas.length / steps))]),
    0,
  ],
  ddim_uniform: ddimUniform,
  beta,
} satisfies Record<string, Schedule>;

export type ScheduleName = keyof typeof schedules;

export const scheduleNames = Object.keys(schedules) as readonly ScheduleName[];

export interface ScheduleOptions {
  readonly schedule: string;
  readonly steps: number;
  /** 1: from pure noise. Less: the last `steps` of ⌊steps / denoise⌋ steps. 0: no step at all. */
  readonly denoise?: number;
}

const MAX_STEPS = 10_000;

/** Most steps of which a run with denoise takes the last ones. */
const MAX_TOTAL = 10 * MAX_STEPS;

/** From here on, denoise means all of the noise. */
const FULL_DENOISE = 0.9999;

/**
 * The sigmas of a run, with ComfyUI's meaning of steps and denoise; empty for denoise 0 (the latent then stays as it is).
 * Throws OPTION_INVALID for an unknown schedule, steps that are not a count, or denoise outside [0, 1].
 */
export function makeSigmas(levels: NoiseLevels, { schedule, steps, denoise = 1 }: ScheduleOptions): Float64Array {
  check.oneOf('scheduler', schedule, scheduleNames);
  check.integer('steps', steps, { min: 1, max: MAX_STEPS });
  check.finite('denoise', denoise, { min: 0, max: 1 });
  if (denoise === 0) return new Float64Array(0);
  const make: Schedule = schedules[schedule as ScheduleName];
  if (denoise > FULL_DENOISE) return Float64Array.from(make(levels, steps));
  const total = Math.floor(steps / denoise);
  // More steps than there are timesteps only repeat them; the limit keeps a tiny denoise from filling the memory.
  if (total > MAX_TOTAL)
    throw check.invalid(
      'denoise',
      `at least ${steps / MAX_TOTAL} for ${steps} steps (steps / denoise is limited)`,
      denoise,
    );
  return Float64Array.from(make(levels, total).slice(-(steps + 1)));
}

/**
 * σ at the first `steps` of `count` timesteps from T − 1 to 0, both included, then 0. In float32 and from both ends towards the middle, as
 * PyTorch divides a range: the last bit decides which timestep is nearest to a σ.
 */
function evenTimesteps(levels: NoiseLevels, count: number, steps: number): number[] {
  const { fround } = Math;
  const last = levels.sigmas.length - 1;
  const stride = fround(last / (count - 1));
  const timestep = (i: number): number => {
    if (i === 0) return last;
    return i < Math.floor(count / 2) ? fround(last - stride * i) : fround(stride * (count - 1 - i));
  };
  return [...Array.from({ length: steps }, (_, i) => levels.sigmaAt(timestep(i))), 0];
}

/** Steps even in σ^(1/ρ), ρ = 7 (Karras et al. 2022, equation 5). */
function karras({ sigmaMin, sigmaMax }: NoiseLevels, steps: number): number[] {
  const rho = 7;
  return [...linspace(sigmaMax ** (1 / rho), sigmaMin ** (1 / rho), steps).map((root) => root ** rho), 0];
}

/** Every ⌊T / steps⌋-th training level from the second on, as DDIM was first published; the count may differ by a few. */
function ddimUniform({ sigmas }: NoiseLevels, steps: number): number[] {
  const stride = Math.max(Math.floor(sigmas.length / steps), 1);
  const rising = [0];
  for (let i = 1; i < sigmas.length; i += stride) rising.push(sigmas[i]);
  return rising.reverse();
}

/** Timesteps at quantiles of Beta(0.6, 0.6): denser at both ends ("Beta Sampling is All You Need", 2024). */
function beta({ sigmas }: NoiseLevels, steps: number): number[] {
  const last = sigmas.length - 1;
  const timesteps = Array.from({ length: steps }, (_, i) => roundToEven(betaQuantile(1 - i / steps, 0.6, 0.6) * last));
  return [...timesteps.filter((t, i) => t !== timesteps[i - 1]).map((t) => sigmas[t]), 0];
}

/** Halves go to the even neighbour, as in NumPy. */
export function roundToEven(x: number): number {
  const floor = Math.floor(x);
  return x - floor === 0.5 ? floor + (floor % 2) : Math.round(x);
}
