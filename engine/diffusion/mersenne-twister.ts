// A seed → 32-bit words: MT19937 (Matsumoto & Nishimura 1998), seeded by one word as in their reference code of 2002.

const N = 624;
const M = 397;

/** The next word, from 0 to 2³² − 1. */
export type Words = () => number;

/** The words of a seed. Only its lower 32 bits count, as in PyTorch. */
export function mersenneTwister(seed: number | bigint): Words {
  const state = new Uint32Array(N);
  state[0] = Number(BigInt.asUintN(32, BigInt(seed)));
  for (let i = 1; i < N; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  let next = N;
  return () => {
    if (next === N) {
      twist(state);
      next = 0;
    }
    let y = state[next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

/** The next N words of the recurrence x_{i+N} = x_{i+M} ⊕ (top bit of x_i, lower bits of x_{i+1})·A. */
function twist(state: Uint32Array): void {
  for (let i = 0; i < N; i++) {
    const y = (state[i] & 0x80000000) | (state[(i + 1) % N] & 0x7fffffff);
    state[i] = state[(i + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
  }
}
