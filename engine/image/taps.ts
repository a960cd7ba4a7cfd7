// Resizing along one axis as a sparse matrix: which elements of the source make up each element of the result, with which weights.

/** Element i of the result is Σ weights[k] · source[indices[k]] over offsets[i] ≤ k < offsets[i + 1]. */
export interface Taps {
  readonly offsets: Int32Array;
  readonly indices: Int32Array;
  readonly weights: Float64Array;
}

/** Where one element of the result comes from: `weights[j]` belongs to `indices[j]`. */
export interface ElementTaps {
  readonly indices: readonly number[];
  readonly weights: readonly number[];
}

/** The table of a result of that length, made element by element. */
export function tableOf(length: number, tapsAt: (i: number) => ElementTaps): Taps {
  const elements = Array.from({ length }, (_, i) => tapsAt(i));
  const offsets = new Int32Array(length + 1);
  elements.forEach(({ indices }, i) => {
    offsets[i + 1] = offsets[i] + indices.length;
  });
  return {
    offsets,
    indices: Int32Array.from(elements.flatMap(({ indices }) => indices)),
    weights: Float64Array.from(elements.flatMap(({ weights }) => weights)),
  };
}
