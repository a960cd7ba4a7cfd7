// Resizing along one axis as PyTorch's `interpolate` does it: which elements of the source make an element of the result.

/** Where one element of the result comes from along an axis: elements of the source and their weights, which sum to 1. */
export interface Taps {
  readonly indices: readonly number[];
  readonly weights: readonly number[];
}

/** (position, source length, result length) → taps. One more method: one line here. */
const METHODS: Record<string, (i: number, from: number, to: number) => Taps> = {
  'nearest-exact': (i, from, to) => ({ indices: [Math.floor(((i + 0.5) * from) / to)], weights: [1] }),
  bilinear,
  area,
  bicubic,
};

export const tapMethods = Object.keys(METHODS);

/** The taps of each element of the result; `method` is one of `tapMethods`. */
export const tapsOf = (method: string, from: number, to: number): Taps[] =>
  Array.from({ length: to }, (_, i) => METHODS[method](i, from, to));

export function bilinear(i: number, from: number, to: number): Taps {
  const at = Math.max(((i + 0.5) * from) / to - 0.5, 0);
  const low = Math.min(Math.floor(at), from - 1);
  const part = at - low;
  return { indices: [low, Math.min(low + 1, from - 1)], weights: [1 - part, part] };
}

/** The mean of all that the element covers, whole elements only (adaptive average pooling). */
function area(i: number, from: number, to: number): Taps {
  const start = Math.floor((i * from) / to);
  const count = Math.ceil(((i + 1) * from) / to) - start;
  return {
    indices: Array.from({ length: count }, (_, k) => start + k),
    weights: Array(count).fill(1 / count),
  };
}

/** Keys' cubic convolution with a = −0.75, as in PyTorch; edges repeat. */
function bicubic(i: number, from: number, to: number): Taps {
  const a = -0.75;
  const near = (x: number) => ((a + 2) * x - (a + 3)) * x * x + 1;
  const far = (x: number) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  const at = ((i + 0.5) * from) / to - 0.5;
  const low = Math.floor(at);
  const part = at - low;
  return {
    indices: [-1, 0, 1, 2].map((k) => Math.min(Math.max(low + k, 0), from - 1)),
    weights: [far(part + 1), near(part), near(1 - part), far(2 - part)],
  };
}
