// Integers → well-mixed 32-bit seeds: NumPy's SeedSequence (O'Neill, "Developing a seed_seq Alternative", 2015).

/** Words that are hashed one after the other, each with another constant. */
class Hash {
  #constant: number;
  readonly #factor: number;

  constructor(constant: number, factor: number) {
    this.#constant = constant;
    this.#factor = factor;
  }

  next(word: number): number {
    const mixed = word ^ this.#constant;
    this.#constant = Math.imul(this.#constant, this.#factor);
    return fold(Math.imul(mixed, this.#constant));
  }
}

const fold = (word: number): number => word ^ (word >>> 16);
const mix = (x: number, y: number): number => fold(Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y));

export interface SeedOptions {
  /** Not negative. */
  readonly entropy: bigint;
  /** Which child of the sequence; none: the sequence itself. */
  readonly spawnKey?: readonly number[];
  /** Words of the pool in which the entropy is mixed. */
  readonly poolSize: number;
}

/** The first 32-bit word that the sequence generates. */
export function firstSeed({ entropy, spawnKey = [], poolSize }: SeedOptions): number {
  const own = wordsOf(entropy);
  // A child's key must not fall into the place of entropy that is not there.
  while (spawnKey.length > 0 && own.length < poolSize) own.push(0);
  const words = [...own, ...spawnKey.flatMap((key) => wordsOf(BigInt(key)))];
  const hash = new Hash(0x43b0d7e5, 0x931e8875);
  const pool = Int32Array.from({ length: poolSize }, (_, i) => hash.next(words[i] ?? 0));
  for (let from = 0; from < poolSize; from++)
    for (let to = 0; to < poolSize; to++) if (from !== to) pool[to] = mix(pool[to], hash.next(pool[from]));
  for (const word of words.slice(poolSize))
    for (let to = 0; to < poolSize; to++) pool[to] = mix(pool[to], hash.next(word));
  return new Hash(0x8b51f9dd, 0x58f38ded).next(pool[0]) >>> 0;
}

/** 32 bits each, the lowest first; one for zero. */
function wordsOf(n: bigint): number[] {
  const words: number[] = [];
  let rest = n;
  do {
    words.push(Number(rest & 0xffffffffn));
    rest >>= 32n;
  } while (rest > 0n);
  return words;
}
