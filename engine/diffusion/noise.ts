// A seed → Gaussian noise, the same numbers for the same seed: xoshiro128** (Blackman & Vigna 2018), seeded through
// splitmix64, turned into normal numbers by the Box–Muller transform in float64.

/** What the noise is for; the two kinds never share numbers. */
export type NoiseStream = 'start' | 'steps';

export interface NoiseOptions {
  /** From 0 to 2⁶⁴ − 1. */
  readonly seed: number | bigint;
  readonly stream: NoiseStream;
  /** Items of the batch: item i has its own noise, which does not depend on the size of the batch. */
  readonly batch: number;
  /** Numbers per item. */
  readonly itemSize: number;
}

/** Each call gives fresh noise, [batch · itemSize], mean 0, variance 1. */
export type NoiseSource = () => Float32Array;

/** The noise of a run. Item i depends on (seed, stream, i) alone. */
export function createNoise({ seed, stream, batch, itemSize }: NoiseOptions): NoiseSource {
  const items = Array.from({ length: batch }, (_, i) => gaussians(BigInt(seed), (stream === 'start' ? 0 : 1) + 2 * i));
  return () => {
    const noise = new Float32Array(batch * itemSize);
    items.forEach((fill, i) => {
      fill(noise.subarray(i * itemSize, (i + 1) * itemSize));
    });
    return noise;
  };
}

/** A function that fills arrays with the next numbers of one stream. */
function gaussians(seed: bigint, stream: number): (target: Float32Array) => void {
  const next = uniforms(seed, stream);
  return (target) => {
    for (let i = 0; i < target.length; i += 2) {
      const radius = Math.sqrt(-2 * Math.log(next()));
      const angle = 2 * Math.PI * next();
      target[i] = radius * Math.cos(angle);
      if (i + 1 < target.length) target[i + 1] = radius * Math.sin(angle);
    }
  };
}

/** Uniform in (0, 1]: multiples of 2⁻³². */
function uniforms(seed: bigint, stream: number): () => number {
  let [a, b, c, d] = seedState(seed, stream);
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return (result + 1) / 2 ** 32;
  };
}

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/** Four 32-bit words, never all zero: splitmix64 of the seed, then of the stream's number on top. */
function seedState(seed: bigint, stream: number): number[] {
  let state = BigInt.asUintN(64, mix64(seed) + BigInt(stream) * 0xd1b54a32d192ed03n);
  const words: number[] = [];
  for (let i = 0; i < 2; i++) {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    const z = mix64(state);
    words.push(Number(z & 0xffffffffn) | 0, Number(z >> 32n) | 0);
  }
  return words.some((w) => w !== 0) ? words : [1, 0, 0, 0];
}

function mix64(x: bigint): bigint {
  let z = BigInt.asUintN(64, x);
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}
