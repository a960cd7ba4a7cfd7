// A seed → Gaussian noise, the numbers that PyTorch's CPU generator gives for that seed, and so those of ComfyUI.
import { mersenneTwister, type Words } from './mersenne-twister.ts';

/** Each call gives fresh noise, mean 0, variance 1. */
export type NoiseSource = () => Float32Array;

/** Fresh unit noise for a step from one σ to the next. */
export type StepNoise = (from: number, to: number) => Float32Array;

/** From this size on, PyTorch fills blocks in float32; smaller tensors are drawn number by number in float64. */
const BLOCK = 16;

/**
 * Noise of `size` numbers a call; the calls of one source go on with the same words. A batch is one tensor: its first items are those of
 * a smaller batch if an item has a multiple of 16 numbers.
 * @param seed from 0 to 2⁶⁴ − 1; its lower 32 bits count
 */
export function createNoise(seed: number | bigint, size: number): NoiseSource {
  const words = mersenneTwister(seed);
  if (size < BLOCK) return smallNoise(words, size);
  return () => {
    const noise = Float32Array.from({ length: size }, () => uniform24(words));
    for (let at = 0; at + BLOCK <= size; at += BLOCK) normalBlock(noise.subarray(at, at + BLOCK));
    // The rest gets no block of its own: the last 16 numbers are drawn again.
    if (size % BLOCK)
      normalBlock(
        noise.subarray(size - BLOCK).map(() => uniform24(words)),
        noise.subarray(size - BLOCK),
      );
    return noise;
  };
}

/**
 * The noise that samplers add while they run, as ComfyUI draws it on the CPU: from the next seed, so that it differs from the noise of
 * the start.
 */
export const createStepNoise = (seed: number | bigint, size: number): NoiseSource =>
  createNoise(BigInt(seed) + 1n, size);

/** In [0, 1), a multiple of 2⁻²⁴. */
const uniform24 = (words: Words): number => (words() & 0xffffff) * 2 ** -24;

/** In [0, 1), a multiple of 2⁻⁵³. */
function uniform53(words: Words): number {
  const high = words() & 0x1fffff;
  return (high * 2 ** 32 + words()) * 2 ** -53;
}

const { fround } = Math;
const TWO_PI = fround(2 * Math.PI);

/** Box–Muller on eight pairs (j, j + 8), each intermediate result rounded to float32. */
function normalBlock(uniform: Float32Array, target = uniform): void {
  for (let j = 0; j < BLOCK / 2; j++) {
    const radius = fround(Math.sqrt(fround(-2 * fround(Math.log(1 - uniform[j])))));
    const angle = fround(TWO_PI * uniform[j + BLOCK / 2]);
    target[j] = radius * fround(Math.cos(angle));
    target[j + BLOCK / 2] = radius * fround(Math.sin(angle));
  }
}

/** Box–Muller in float64, which makes two numbers: the second one waits for the next draw, in this call or a later one. */
function smallNoise(words: Words, size: number): NoiseSource {
  let waiting: number | undefined;
  const draw = (): number => {
    if (waiting !== undefined) {
      const second = waiting;
      waiting = undefined;
      return second;
    }
    const angle = 2 * Math.PI * uniform53(words);
    const radius = Math.sqrt(-2 * Math.log1p(-uniform53(words)));
    waiting = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  return () => Float32Array.from({ length: size }, draw);
}
