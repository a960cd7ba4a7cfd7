// A vocabulary → those of its words that alone are nearest to the targets: the search then combines only these.
import type { Fixed } from './fixed.ts';
import type { Inversion } from './inversion.ts';
import { createRandom } from './random.ts';
import { drawStarts } from './starts.ts';
import { narrowVocabulary, type Vocabulary } from './vocabulary.ts';
import { createWordMemory } from './word-memory.ts';

/** The ids of a word or phrase. */
type WordIds = readonly number[];

/** Words → their scores as prompts of their own, if known. */
type Scores = Map<WordIds, number>;

export interface Shortlist {
  readonly vocabulary: Vocabulary;
  /** What the caller fixed, or the anchors: the nearest single tokens, with which every prompt opens. */
  readonly fixed: Fixed;
}

/** Vocabularies up to this size are scored word by word; of larger ones, only the words that the gradient proposes. */
const FULL_SCAN = 4096;

/** Rounds of proposals, and words per round, for larger vocabularies. */
const ROUNDS = 2;
const PER_ROUND = 512;

/** The second round proposes from prompts made of this many of the best words. */
const CONTEXT = 32;

/** Words embedded at a time, between which an abort is noticed. */
const CHUNK = 128;

/**
 * Keeps the `settings.shortlist` words and phrases with the best scores of their own; each also joins the pool as a prompt.
 * This leaves out words that have nothing to do with the targets, with which a soup of tokens drives the similarity up:
 * prompts stay readable, and what they say holds for other encoders (the paper's keyword bank, found by itself).
 * Words of an initial prompt stay among them. The nearest, `settings.anchors` of them, become the fixed opening of every prompt.
 */
export async function shortlistWords(inversion: Inversion): Promise<Shortlist> {
  const { vocabulary, settings, signal } = inversion;
  const words: WordIds[] = [...Array.from(vocabulary.singles, (id) => [id]), ...vocabulary.phrases];
  if (words.length <= settings.shortlist) return { vocabulary, fixed: settings.fixed };
  const scores: Scores = new Map();
  if (words.length <= FULL_SCAN) await scoreWords(inversion, words, scores);
  for (let round = 0; words.length > FULL_SCAN && round < ROUNDS && !signal?.aborted; round++) {
    const proposed = await proposeWords(inversion, round === 0 ? vocabulary : keepBest(inversion, scores, CONTEXT));
    const fresh = words.filter((word) => (word.length > 1 || proposed.has(word[0])) && !scores.has(word));
    await scoreWords(inversion, fresh, scores);
  }
  return {
    vocabulary: keepBest(inversion, scores, settings.shortlist),
    fixed: settings.initialIds.length > 0 ? settings.fixed : new Map(anchorsOf(scores, settings.anchors).entries()),
  };
}

const ranked = (scores: Scores): WordIds[] => [...scores].sort(([, a], [, b]) => b - a).map(([word]) => word);

/** The vocabulary of the `count` best words and the words of the initial prompt. */
function keepBest({ vocabulary, settings }: Inversion, scores: Scores, count: number): Vocabulary {
  const given = new Set(settings.initialIds);
  const ofInitialPrompt = Array.from(vocabulary.singles).flatMap((id) => (given.has(id) ? [[id]] : []));
  return narrowVocabulary(vocabulary, [...ranked(scores).slice(0, count), ...ofInitialPrompt]);
}

/** The ids of the `count` best words that are single tokens. */
const anchorsOf = (scores: Scores, count: number): number[] =>
  ranked(scores)
    .flatMap((word) => (word.length === 1 ? word : []))
    .slice(0, count);

/** Ids whose rows point most along the gradient, averaged over the positions of prompts drawn from `from`. */
async function proposeWords(inversion: Inversion, from: Vocabulary): Promise<ReadonlySet<number>> {
  const { settings, vocabulary, objective, rows, gradients } = inversion;
  const starts = drawStarts(settings, { vocabulary: from, fixed: settings.fixed });
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
async function scoreWords(inversion: Inversion, words: readonly WordIds[], scores: Scores): Promise<void> {
  const { clip, settings, objective, decodeWord, scorer, pool, signal } = inversion;
  const isPrompt = settings.fixed.size === 0;
  const embedWords = createWordMemory(clip, scorer);
  for (let i = 0; i < words.length && !signal?.aborted; i += CHUNK) {
    const chunk = words.slice(i, i + CHUNK).flatMap((word) => {
      const text = decodeWord(word);
      return text ? [{ word, text }] : [];
    });
    const embeddings = await embedWords(chunk.map(({ text }) => text));
    for (const [n, { word, text }] of chunk.entries())
      scores.set(word, isPrompt ? pool.add(text, embeddings[n]).score : objective.score(embeddings[n]));
  }
}
