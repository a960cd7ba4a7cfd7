// Arithmetic on float32 vectors [P]: sums are taken in float64 and results rounded to float32, so the same input gives the same bits.
import { InputError } from './errors.ts';

/** a · b of two vectors of one length. */
export function dot(a: Float32Array, b: Float32Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

/** Cosine of two unit vectors, from −1 to 1. Throws MODEL_UNSUPPORTED if their lengths differ. */
export function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length)
    throw new InputError(
      'MODEL_UNSUPPORTED',
      `Embeddings of ${a.length} and ${b.length} numbers cannot be compared: the two towers have no common projection.`,
    );
  return dot(a, b);
}

/** |v|, the Euclidean norm. */
export const norm = (vector: Float32Array): number => Math.sqrt(dot(vector, vector));

/** v / |v|; zeros stay zeros. */
export function normalise(vector: Float32Array): Float32Array {
  const length = norm(vector) || 1;
  return vector.map((x) => x / length);
}

/** factor · v. */
export function scale(vector: Float32Array, factor: number): Float32Array {
  const scaled = new Float32Array(vector.length);
  for (let i = 0; i < vector.length; i++) scaled[i] = vector[i] * factor;
  return scaled;
}

/** Σ wᵢ vᵢ over vectors of one length. */
export function weightedSum(vectors: readonly Float32Array[], weights: readonly number[]): Float32Array {
  const out = new Float32Array(vectors[0].length);
  for (const [n, vector] of vectors.entries()) for (let i = 0; i < out.length; i++) out[i] += weights[n] * vector[i];
  return out;
}

/** The mean of vectors of one length. */
export function meanVector(vectors: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(vectors[0].length);
  for (const vector of vectors) for (let i = 0; i < out.length; i++) out[i] += vector[i] / vectors.length;
  return out;
}

/** Vectors one after the other. */
export function concat(vectors: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(vectors.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const vector of vectors) {
    out.set(vector, at);
    at += vector.length;
  }
  return out;
}

/** Σ xᵢ of plain numbers. */
export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** The mean of plain numbers. */
export const mean = (values: readonly number[]): number => sum(values) / values.length;
