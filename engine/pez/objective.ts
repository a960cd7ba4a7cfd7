// Targets → one direction in embedding space: what the search climbs, and how a text's embedding is scored.
import type { Clip } from '../clip/clip.ts';
import { InputError } from '../errors.ts';
import type { Target } from './options.ts';
import { type Random, sampleIndices } from './random.ts';

export interface Objective {
  /**
   * The direction [P] to climb: Σ wₜ t / n over n targets, all of them or a random choice of `count`.
   * Loss of Algorithm 1: mean of wₜ (1 − cos(text, t)); as cos is linear in the unit target t, its gradient is
   * −d(text · direction). `key` names the choice: the same key is the same direction.
   */
  pick(random: Random, count: number): { direction: Float32Array; key: string };
  /** Σ wₜ cos(text, t) / Σ |wₜ| of a unit embedding: what "best" means. */
  score(embedding: Float32Array): number;
  /** The weighted mean cosine over the targets of positive weight (of all, where none is positive): what is reported. */
  similarity(embedding: Float32Array): number;
}

/** Encodes the targets; throws OPTION_INVALID for an embedding of another length than the encoder's. */
export async function createObjective(clip: Clip, targets: readonly Target[]): Promise<Objective> {
  const weights = targets.map((t) => t.weight ?? 1);
  const units = await encodeTargets(clip, targets);
  const all = combine(units, weights);
  const positive = weights.some((w) => w > 0) ? weights.map((w) => Math.max(w, 0)) : weights.map(Math.abs);
  const shown = combine(units, positive);
  const total = sum(weights.map(Math.abs));
  const totalShown = sum(positive);
  return {
    pick(random, count) {
      if (count >= units.length) return { direction: scale(all, 1 / units.length), key: '' };
      const chosen = sampleIndices(random, units.length, count).sort((a, b) => a - b);
      const direction = combine(
        chosen.map((i) => units[i]),
        chosen.map((i) => weights[i]),
      );
      return { direction: scale(direction, 1 / count), key: `${chosen}:` };
    },
    score: (embedding) => dot(embedding, all) / total,
    similarity: (embedding) => dot(embedding, shown) / totalShown,
  };
}

async function encodeTargets(clip: Clip, targets: readonly Target[]): Promise<Float32Array[]> {
  const units: Float32Array[] = [];
  for (const target of targets) {
    if ('image' in target) units.push((await clip.image.encode([target.image]))[0]);
    else if ('text' in target) units.push((await clip.text.encode([target.text]))[0]);
    else units.push(scale(target.embedding, 1 / Math.sqrt(dot(target.embedding, target.embedding))));
  }
  const expected = await clip.text.dim();
  for (const unit of units) if (unit.length !== expected) throw wrongLength(unit.length, expected, clip);
  return units;
}

const wrongLength = (came: number, expected: number, clip: Clip) =>
  new InputError(
    'OPTION_INVALID',
    `A target embedding must have the ${expected} numbers of ${clip.name}, but has ${came}.`,
  );

/** Σ wᵢ uᵢ over vectors of one length. */
function combine(units: readonly Float32Array[], weights: readonly number[]): Float32Array {
  const out = new Float32Array(units[0].length);
  units.forEach((unit, t) => {
    for (let i = 0; i < out.length; i++) out[i] += weights[t] * unit[i];
  });
  return out;
}

const scale = (vector: Float32Array, factor: number): Float32Array => vector.map((x) => x * factor);

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** a · b, summed in float64. */
export function dot(a: Float32Array, b: Float32Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}
