// A vocabulary → its words that, alone, are nearest to the targets: the search then combines only these.
import type { Clip } from '../clip/clip.ts';
import type { ReadPrompt } from './decode-prompt.ts';
import type { GradientMemory } from './gradient-memory.ts';
import type { NearestRows } from './nearest.ts';
import type { Objective } from './objective.ts';
import type { Pool } from './pool.ts';
import { createRandom } from './random.ts';
import type { Scorer } from './scorer.ts';
import type { Fixed } from './search.ts';
import type { Settings } from './settings.ts';
import { drawStarts } from './starts.ts';
import { narrowVocabulary, type Vocabulary } from './vocabulary.ts';

export interface ShortlistOptions {
  readonly clip: Clip;
  readonly settings: Settings;
  readonly vocabulary: Vocabulary;
  readonly objective: Objective;
  readonly rows: NearestRows;
  readonly gradients: GradientMemory;
  /** Reads a word as a prompt of its own. */
  readonly read: ReadPrompt;
  readonly scorer: Scorer;
  readonly pool: Pool;
  readonly signal?: AbortSignal | undefined;
}

type Word = readonly number[];

export interface Shortlist {
  readonly vocabulary: Vocabulary;
  /** What stays in its place: what the caller fixed, or the nearest single tokens, with which every prompt opens. */
  readonly fixed: Fixed;
}

/** Vocabularies up to this size are scored word by word; of larger ones, what the gradient proposes. */
const FULL_SCAN = 4096;

/** Rounds of proposals, and words per round, where the vocabulary is larger. */
const ROUNDS = 2;
const PER_ROUND = 512;

/** The second round looks from prompts of this many of the best words. */
const CONTEXT = 32;

/** Words embedded at a time, between which an abort is noticed. */
const CHUNK = 128;

/** Embeddings of one-word texts: they depend on the encoder only and are kept for the next inversion, up to a number. */
const memory = new WeakMap<Clip['text'], Map<string, Float32Array>>();
const MEMORY = 20_000;

/**
 * Keeps the `settings.shortlist` words and phrases with the best scores of their own; each also joins the pool as a prompt.
 * Left out are words that have nothing to do with the targets, which a soup of tokens needs to drive the similarity up;
 * that keeps prompts readable and what they say true for other encoders (the paper's keyword bank, found by itself).
 * Words of an initial prompt stay among them. The very nearest, `settings.anchors` of them, become the fixed opening of every prompt.
 */
export async function shortlistWords(options: ShortlistOptions): Promise<Shortlist> {
  const { vocabulary, settings, signal } = options;
  const words: Word[] = [...Array.from(vocabulary.singles, (id) => [id]), ...vocabulary.phrases];
  if (words.length <= settings.shortlist) return { vocabulary, fixed: settings.fixed };
  const scores = new Map<Word, number>();
  const given = new Set(settings.initialIds);
  const ofInitialPrompt = words.filter((word) => word.length === 1 && given.has(word[0]));
  const best = (count: number) => narrowVocabulary(vocabulary, [...ranked(scores).slice(0, count), ...ofInitialPrompt]);
  const anchors = () =>
    ranked(scores)
      .flatMap((word) => (word.length === 1 ? word : []))
      .slice(0, settings.anchors);
  const result = (): Shortlist => ({
    vocabulary: best(settings.shortlist),
    fixed: settings.initialIds.length ? settings.fixed : new Map(anchors().entries()),
  });
  if (words.length <= FULL_SCAN) {
    await scoreWords(words, scores, options);
    return result();
  }
  for (let round = 0; round < ROUNDS && !signal?.aborted; round++) {
    const proposed = await proposeWords(round === 0 ? vocabulary : best(CONTEXT), options);
    const fresh = words.filter((word) => (word.length > 1 || proposed.has(word[0])) && !scores.has(word));
    await scoreWords(fresh, scores, options);
  }
  return result();
}

const ranked = (scores: ReadonlyMap<Word, number>): Word[] =>
  [...scores].sort(([, a], [, b]) => b - a).map(([word]) => word);

/** Ids whose rows point most along the gradient, averaged over the positions of prompts drawn from `from`. */
async function proposeWords(from: Vocabulary, options: ShortlistOptions): Promise<ReadonlySet<number>> {
  const { settings, vocabulary, objective, rows, gradients } = options;
  const starts = drawStarts({ ...settings, vocabulary: from });
  const { direction } = objective.pick(createRandom(settings.seed), settings.targets.length);
  const { dim } = rows.table;
  const uphill = new Float32Array(starts.length * dim);
  for (const [r, { lossGradient }] of (await gradients.run(starts, direction, '')).entries())
    for (const [i, g] of lossGradient.entries()) uphill[r * dim + (i % dim)] -= g;
  const steepest = await rows.steepest(uphill, vocabulary.mask, PER_ROUND);
  const proposed = new Set<number>();
  for (let rank = 0; rank < PER_ROUND && proposed.size < PER_ROUND; rank++)
    for (const ids of steepest) if (rank < ids.length) proposed.add(ids[rank]);
  return proposed;
}

/** Scores words as prompts of their own; they join the pool unless a prompt must hold fixed words. */
async function scoreWords(words: readonly Word[], scores: Map<Word, number>, options: ShortlistOptions): Promise<void> {
  const { clip, settings, objective, read, scorer, pool, signal } = options;
  const isPrompt = settings.fixed.size === 0;
  const known = memory.get(clip.text) ?? new Map<string, Float32Array>();
  memory.set(clip.text, known);
  for (let i = 0; i < words.length && !signal?.aborted; i += CHUNK) {
    const chunk = words.slice(i, i + CHUNK).flatMap((word) => {
      const reading = read(word);
      return reading ? [{ word, reading }] : [];
    });
    const missing = chunk.map((c) => c.reading).filter(({ prompt }) => !known.has(prompt));
    const embeddings = await scorer.embed(missing);
    for (const [n, { prompt }] of missing.entries()) known.set(prompt, embeddings[n]);
    for (const { word, reading } of chunk) {
      const embedding = known.get(reading.prompt)!;
      scores.set(word, isPrompt ? pool.add(reading, embedding).score : objective.score(embedding));
    }
    if (missing.length > 0) await new Promise((resolve) => setImmediate(resolve));
  }
  if (known.size > MEMORY) known.clear();
}
