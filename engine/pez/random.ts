// A seed → a reproducible stream of random numbers (mulberry32, Tommy Ettinger, public domain).

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, below). */
  int(below: number): number;
}

/**
 * A generator for (seed, stream): the same pair gives the same numbers on every machine. Streams of one seed are
 * independent, so that a further restart does not change the starts of those before it.
 * seed: integer from 0 to 2^53 − 1.
 */
export function createRandom(seed: number, stream = 0): Random {
  const low = seed >>> 0;
  const high = Math.floor(seed / 2 ** 32) >>> 0;
  let state = mix(mix(mix(low) ^ high) ^ stream);
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    return mix(state) / 2 ** 32;
  };
  return { next, int: (below) => Math.floor(next() * below) };
}

/** mulberry32's output function: 32 bits → 32 well-mixed bits. */
function mix(bits: number): number {
  let x = bits | 0;
  x = Math.imul(x ^ (x >>> 15), x | 1);
  x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
  return (x ^ (x >>> 14)) >>> 0;
}

/** `count` different integers in [0, below), in random order (all of them if count ≥ below). */
export function sampleIndices(random: Random, below: number, count: number): number[] {
  const all = Array.from({ length: below }, (_, i) => i);
  for (let i = 0; i < Math.min(count, below); i++) {
    const j = i + random.int(below - i);
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all.slice(0, count);
}
