// A seed and the sigmas of a run → the noise between any two of them, as increments of one Brownian path: the numbers of torchsde's
// BrownianTree, with which ComfyUI's SDE samplers draw on every device.
import { createNoise, type StepNoise } from './noise.ts';
import { roundToEven } from './schedules.ts';
import { firstSeed } from './seed-sequence.ts';

/** The pool of NumPy's SeedSequence in torchsde's tree. */
const POOL_SIZE = 24;

/**
 * To six decimals, as Python rounds: times that agree then are one. Only multiples of 1/128 can lie exactly between two such numbers, and
 * the even one is taken.
 */
const round = (time: number): number =>
  Number.isInteger(128 * time) ? roundToEven(1e6 * time) / 1e6 : Number(time.toFixed(6));

/** A stretch of the path and its increment there; `key` counts the stretches of this depth from the left. */
interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly depth: number;
  readonly key: number;
  readonly increment: Float64Array;
}

/**
 * Unit noise of `size` numbers for a step from σ to σ': (W(σ') − W(σ)) / √|σ' − σ|, W being a path from the smallest sigma above 0 to the largest.
 * What the path is depends on (seed, size, both ends) alone, not on the steps.
 */
export function createBrownianNoise(seed: number | bigint, size: number, sigmas: ArrayLike<number>): StepNoise {
  const positive = Array.from(sigmas, Math.fround).filter((sigma) => sigma > 0);
  const [start, end] = [Math.min(...positive), Math.max(...positive)];
  const entropy = BigInt(seed);
  const draw = (spawnKey?: number[]): Float32Array =>
    createNoise(firstSeed({ entropy, spawnKey, poolSize: POOL_SIZE }), size)();
  const scale = Math.sqrt(end - start);
  const whole: Stretch = {
    start: round(start),
    end: round(end),
    depth: 0,
    key: 0,
    increment: Float64Array.from(draw(), (v) => v * scale),
  };
  // Steps follow each other: where one ends the next begins.
  let last: { readonly sigma: number; readonly value: Float64Array } | undefined;
  const valueAt = (sigma: number): Float64Array => {
    const value = last?.sigma === sigma ? last.value : pathAt(whole, round(sigma), draw);
    last = { sigma, value };
    return value;
  };
  return (from, to) => {
    const [a, b] = [Math.fround(from), Math.fround(to)];
    const [before, after] = [valueAt(a), valueAt(b)];
    const gain = 1 / Math.sqrt(Math.abs(b - a));
    return Float32Array.from(after, (v, i) => (v - before[i]) * gain);
  };
}

/** W(time) − W(start), by halving until the time is met; half a stretch has half of the increment and a bridge's own noise. */
function pathAt(whole: Stretch, time: number, draw: (spawnKey: number[]) => Float32Array): Float64Array {
  let value: Float64Array = new Float64Array(whole.increment.length);
  if (time <= whole.start) return value;
  let at = whole;
  while (time < at.end) {
    const { start, end, depth, key, increment } = at;
    const middle = round((start + end) / 2);
    const [before, after, length] = [middle - start, end - middle, end - start];
    const deviation = Math.sqrt((before * after) / length);
    const left = combine(before / length, increment, deviation, draw([key, depth]));
    if (time < middle) at = { start, end: middle, depth: depth + 1, key: 2 * key, increment: left };
    else {
      value = combine(1, value, 1, left);
      if (time === middle) return value;
      at = { start: middle, end, depth: depth + 1, key: 2 * key + 1, increment: combine(1, increment, -1, left) };
    }
  }
  return combine(1, value, 1, at.increment);
}

/** a·x + b·y; a loop, since this runs some fifty times a step. */
function combine(a: number, x: Float64Array, b: number, y: ArrayLike<number>): Float64Array {
  const result = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) result[i] = a * x[i] + b * y[i];
  return result;
}
