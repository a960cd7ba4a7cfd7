// A last phase after the search (after GCG, Zou et al. 2023): swap single tokens, the gradient proposes, exact scores decide.

import { concat, dot } from '../vector.ts';
import type { Reading, ReadPrompt } from './decode-prompt.ts';
import type { GradientMemory } from './gradient-memory.ts';
import type { NearestRows } from './nearest.ts';
import type { Objective } from './objective.ts';
import type { Candidate, Pool } from './pool.ts';
import type { Scorer } from './scorer.ts';
import type { Fixed } from './search.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface PolishOptions {
  readonly rows: NearestRows;
  readonly gradients: GradientMemory;
  readonly vocabulary: Vocabulary;
  readonly direction: Float32Array;
  readonly objective: Objective;
  readonly read: ReadPrompt;
  readonly scorer: Scorer;
  readonly pool: Pool;
  /** Tokens of a prompt that can be polished: the length that `gradients` is made for. */
  readonly length: number;
  /** Positions that stay as they are. */
  readonly fixed: Fixed;
}

/** Prompts that are changed side by side, tokens tried per position, and texts scored per round. */
const BEAM = 4;
const PER_POSITION = 24;
const PER_ROUND = 96;

/**
 * One round: of each of the best prompts, the swaps (position, token) with the largest first-order gain
 * g·(e_new − e_old) are scored exactly and join the pool. Returns false where nothing is left to try.
 */
export async function polishRound(options: PolishOptions): Promise<boolean> {
  const { pool, scorer } = options;
  const beam = pool
    .best(Number.POSITIVE_INFINITY)
    .filter((c) => c.reading.learned?.length === options.length)
    .slice(0, BEAM);
  if (beam.length === 0) return false;
  const swaps = await proposeSwaps(beam, options);
  if (swaps.length === 0) return false;
  const embeddings = await scorer.embed(swaps);
  swaps.forEach((reading, i) => {
    pool.add(reading, embeddings[i]);
  });
  return true;
}

/** Readings of the most promising swaps that have not been scored yet, at most PER_ROUND. */
async function proposeSwaps(beam: readonly Candidate[], options: PolishOptions): Promise<Reading[]> {
  const { rows, gradients, vocabulary, direction, read, pool, fixed } = options;
  const { data, dim } = rows.table;
  const prompts = beam.map((c) => c.reading.learned!);
  const found = await gradients.run(prompts, direction, '');
  const uphill = concat(found.map((f) => f.lossGradient)).map((g) => -g);
  const steepest = await rows.steepest(uphill, vocabulary.mask, PER_POSITION);
  /** g·e of a token at position n of all prompts laid end to end. */
  const level = (n: number, id: number) =>
    dot(uphill.subarray(n * dim, (n + 1) * dim), data.subarray(id * dim, (id + 1) * dim));

  const proposals: { ids: number[]; gain: number }[] = [];
  prompts.forEach((ids, b) => {
    /** Words that an initial prompt brought in several tokens: exchanging one of these would make no word. */
    const isPiece = (m: number) =>
      vocabulary.words && [m - 1, m].some((at) => at >= 0 && vocabulary.mask[ids[at]] !== 0);
    const propose = (at: number, words: readonly number[]) => {
      const gain = words.reduce((sum, id, j) => {
        const n = b * ids.length + at + j;
        return sum + level(n, id) - level(n, ids[at + j]);
      }, 0);
      proposals.push({ ids: ids.toSpliced(at, words.length, ...words), gain });
    };
    ids.forEach((_, m) => {
      if (fixed.has(m) || isPiece(m)) return;
      for (const id of steepest[b * ids.length + m]) propose(m, [id]);
      for (const phrase of vocabulary.phrases)
        if (m + phrase.length <= ids.length && phrase.every((_, j) => !fixed.has(m + j))) propose(m, phrase);
    });
  });
  proposals.sort((a, b) => b.gain - a.gain);

  const chosen = new Map<string, Reading>();
  for (const { ids } of proposals) {
    if (chosen.size >= PER_ROUND) break;
    const reading = read(ids);
    if (reading && !pool.knows(reading.prompt)) chosen.set(reading.prompt, reading);
  }
  return [...chosen.values()];
}
