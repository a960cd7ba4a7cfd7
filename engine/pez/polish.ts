// A last phase after the search (after GCG, Zou et al. 2023): swap single tokens, the gradient proposes, exact scores decide.

import { concat, dot } from '../vector.ts';
import type { DecodedPrompt } from './decode-prompt.ts';
import type { Inversion } from './inversion.ts';
import type { Shortlist } from './shortlist.ts';

/** Prompts that are changed side by side, tokens tried per position, and texts scored per round. */
const BEAM = 4;
const PER_POSITION = 24;
const PER_ROUND = 96;

/**
 * One round: from each of the best prompts, the swaps (position, token) with the largest first-order gain
 * g·(e_new − e_old) along `direction` [P] are scored exactly and join the pool. Returns false if nothing is left to try.
 */
export async function polishRound(
  inversion: Inversion,
  shortlist: Shortlist,
  direction: Float32Array,
): Promise<boolean> {
  const { settings, pool, scorer } = inversion;
  const prompts = pool
    .best(Number.POSITIVE_INFINITY)
    .flatMap(({ text: { learned } }) => (learned?.length === settings.length ? [learned] : []))
    .slice(0, BEAM);
  if (prompts.length === 0) return false;
  const swaps = keepNew(inversion, await proposeSwaps(inversion, shortlist, { prompts, direction }));
  if (swaps.length === 0) return false;
  const embeddings = await scorer.embed(swaps);
  swaps.forEach((text, i) => {
    pool.add(text, embeddings[i]);
  });
  return true;
}

interface Proposal {
  readonly ids: readonly number[];
  /** First-order estimate of what the score gains. */
  readonly gain: number;
}

interface Beam {
  /** Learned ids [B][M]. */
  readonly prompts: readonly (readonly number[])[];
  readonly direction: Float32Array;
}

/** Swaps of single tokens and phrases, best first. */
async function proposeSwaps(
  { rows, gradients }: Inversion,
  { vocabulary, fixed }: Shortlist,
  { prompts, direction }: Beam,
): Promise<Proposal[]> {
  const { data, dim } = rows.table;
  const found = await gradients.run(prompts, direction, '');
  const uphill = concat(found.map((f) => f.lossGradient)).map((g) => -g);
  const steepest = await rows.steepest(uphill, vocabulary.mask, PER_POSITION);
  /** g·e of a token at position n of all prompts laid end to end. */
  const level = (n: number, id: number) =>
    dot(uphill.subarray(n * dim, (n + 1) * dim), data.subarray(id * dim, (id + 1) * dim));

  const proposals: Proposal[] = [];
  prompts.forEach((ids, b) => {
    /** Part of a word that an initial prompt brought in as several tokens: exchanging it alone would make no word. */
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
  return proposals.sort((a, b) => b.gain - a.gain);
}

/** The texts of the first proposals that have not been scored yet, at most PER_ROUND. */
function keepNew({ decode, pool }: Inversion, proposals: readonly Proposal[]): DecodedPrompt[] {
  const chosen = new Map<string, DecodedPrompt>();
  for (const { ids } of proposals) {
    if (chosen.size >= PER_ROUND) break;
    const text = decode(ids);
    if (text && !pool.knows(text.prompt)) chosen.set(text.prompt, text);
  }
  return [...chosen.values()];
}
