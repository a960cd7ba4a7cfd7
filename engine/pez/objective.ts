// Targets → one direction in embedding space, which the search ascends, and the score of a text's embedding.
import { invalidCount } from '../check.ts';
import type { Clip } from '../clip/clip.ts';
import { dot, norm, scale, sum, weightedSum } from '../vector.ts';
import type { Target } from './options.ts';
import { type Random, sampleIndices } from './random.ts';

export interface Objective {
  /**
   * The direction [P] to ascend: Σ wₜ t / n over n targets, all of them or a random choice of `count`.
   * Loss of Algorithm 1: mean of wₜ (1 − cos(text, t)); as cos is linear in the unit target t, its gradient is
   * −d(text · direction). `key` names the choice: the same key is the same direction.
   */
  pick(random: Random, count: number): { direction: Float32Array; key: string };
  /** Σ wₜ cos(text, t) / Σ |wₜ| of a unit embedding: what "best" means. */
  score(embedding: Float32Array): number;
  /** The weighted mean cosine over the targets of positive weight (of all, if none is positive): what is reported. */
  similarity(embedding: Float32Array): number;
}

/** Encodes the targets; throws OPTION_INVALID for an embedding of another length than the encoder's. */
export async function createObjective(clip: Clip, targets: readonly Target[]): Promise<Objective> {
  const weights = targets.map((t) => t.weight ?? 1);
  const units = await encodeTargets(clip, targets);
  const all = weightedSum(units, weights);
  const positive = weights.some((w) => w > 0) ? weights.map((w) => Math.max(w, 0)) : weights.map(Math.abs);
  const shown = weightedSum(units, positive);
  const total = sum(weights.map(Math.abs));
  const totalShown = sum(positive);
  return {
    pick(random, count) {
      if (count >= units.length) return { direction: scale(all, 1 / units.length), key: '' };
      const chosen = sampleIndices(random, units.length, count).sort((a, b) => a - b);
      const direction = weightedSum(
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
    else units.push(scale(target.embedding, 1 / norm(target.embedding)));
  }
  const expected = await clip.text.dim();
  for (const unit of units)
    if (unit.length !== expected)
      throw invalidCount('A target embedding', `the ${expected} numbers of ${clip.name}`, unit.length);
  return units;
}
