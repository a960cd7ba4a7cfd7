// A prompt and the place of a word → words that mean nearly the same, each with what it would do to the prompt.
import * as check from '../check.ts';
import type { Clip } from '../clip/clip.ts';
import { dot, meanVector } from '../vector.ts';
import { type Embeddable, embedAll } from './embed.ts';
import { createNearestRows } from './nearest.ts';
import { createScorer } from './scorer.ts';
import { checkPrompt } from './swap-settings.ts';
import { createTextGradient } from './text-gradient.ts';
import { createVocabulary } from './vocabulary.ts';
import { createWordMemory } from './word-memory.ts';
import { foldText, joinWords, wordsOf } from './words.ts';

export interface NearestWordsOptions {
  readonly prompt: string;
  /** Which of the prompt's words to replace, counted from 0. */
  readonly word: number;
  /** How many words to return. */
  readonly count: number;
  /** What the prompts are compared with; by default the prompt itself. */
  readonly targets?: readonly Embeddable[];
  /** No word contains any of these strings. */
  readonly block?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

export interface NearWord {
  readonly word: string;
  /** The prompt with the word in its place. */
  readonly prompt: string;
  /** Cosine of the two words, each as a text of its own. */
  readonly nearness: number;
  /** Mean cosine of the new prompt and the targets. */
  readonly similarity: number;
}

export interface NearestWords {
  /** The word that would be replaced. */
  readonly word: string;
  /** Mean cosine of the prompt as it is and the targets. */
  readonly similarity: number;
  /** Those with which the prompt stays most similar to the targets, best first. */
  readonly words: readonly NearWord[];
}

/** Vocabularies up to this size are compared word by word; of larger ones, the rows nearest in the table of token embeddings. */
const FULL_SCAN = 4096;
const PROPOSALS = 512;
/** Of so many times the words that are wanted, the nearest ones, those are returned with which the prompt is most similar. */
const POOL = 2;
/** Words embedded at a time, between which an abort is noticed. */
const CHUNK = 128;

/**
 * Whole words of the vocabulary that could stand in the place of one word of a prompt: of those that CLIP rates nearest to it, the
 * ones that keep the prompt most similar to the targets. Words that the prompt has already are left out. Throws OPTION_INVALID for a place that has no word, VOCABULARY_EMPTY, and the signal's reason.
 */
export async function nearestWords(clip: Clip, options: NearestWordsOptions): Promise<NearestWords> {
  const { prompt, count, targets = [], signal } = options;
  const { tokenizer } = clip;
  checkPrompt(tokenizer, prompt);
  const words = wordsOf(tokenizer, tokenizer.encode(prompt));
  check.integer('word', options.word, { min: 0, max: words.length - 1 });
  const place = words[options.word];
  const scorer = await createScorer(clip);
  const embedWords = createWordMemory(clip, scorer);
  const used = new Set(words.map(({ text }) => foldText(text)));
  const candidates = (await candidateIds(clip, place.ids, options.block ?? []))
    .map((id) => ({ prompt: tokenizer.decode([id]), ids: [id] }))
    .filter((word) => !used.has(foldText(word.prompt)));
  const [own] = await embedWords([{ prompt: place.text, ids: place.ids }]);
  const scored: { word: string; nearness: number }[] = [];
  for (let i = 0; i < candidates.length; i += CHUNK) {
    signal?.throwIfAborted();
    const chunk = candidates.slice(i, i + CHUNK);
    const embeddings = await embedWords(chunk);
    chunk.forEach((word, n) => {
      scored.push({ word: word.prompt, nearness: dot(own, embeddings[n]) });
    });
  }
  const nearest = scored.sort((a, b) => b.nearness - a.nearness).slice(0, POOL * count);
  const withWord = (text: string) =>
    joinWords(
      tokenizer,
      words.map((word) => (word === place ? text : word.text)),
    );
  const prompts = nearest.map(({ word }) => withWord(word));
  const [whole, ...changed] = await scorer.embedOrdinary([prompt, ...prompts]);
  const goal = targets.length > 0 ? meanVector(await embedAll(clip, targets, signal)) : whole;
  return {
    word: place.text,
    similarity: dot(whole, goal),
    words: nearest
      .map((near, i) => ({ ...near, prompt: prompts[i], similarity: dot(changed[i], goal) }))
      .sort((a, b) => b.similarity - a.similarity)
      .slice(0, count),
  };
}

/** Ids of whole words to compare with the word of these ids. */
async function candidateIds(clip: Clip, ids: readonly number[], block: readonly string[]): Promise<number[]> {
  const { tokenizer } = clip;
  const { table } = await createTextGradient(clip, tokenizer.frame(ids).length);
  const vocabulary = createVocabulary(tokenizer, table.vocabSize, { vocabularyName: 'words', allow: [], block });
  if (vocabulary.singles.length <= FULL_SCAN) return [...vocabulary.singles];
  const rows = await createNearestRows(table);
  const points = new Float32Array(ids.length * table.dim);
  ids.forEach((id, i) => {
    points.set(table.data.subarray(id * table.dim, (id + 1) * table.dim), i * table.dim);
  });
  return [...new Set((await rows.steepest(points, vocabulary.mask, PROPOSALS)).flatMap((row) => [...row]))];
}
