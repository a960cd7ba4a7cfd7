// A selection → the words of a prompt that are removed, and the place of the new ones.
import * as check from '../check.ts';
import type { Clip } from '../clip/clip.ts';
import { dot, normalise } from '../vector.ts';
import { lossesWithout } from './contribution.ts';
import type { SwapSelection } from './swap-settings.ts';
import { hasLetters, type Word, wordsOf } from './words.ts';

/** `count` words from `start` on are removed (0: an insertion); `replaced`: the new words take their place. */
export interface Run {
  readonly start: number;
  readonly count: number;
  readonly replaced: boolean;
}

export interface SelectionContext {
  readonly words: readonly Word[];
  /** What the prompt describes; by default the prompt itself. */
  readonly target?: Float32Array | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The runs of words that a selection names, in order and without overlap. Throws OPTION_INVALID for a word that is not there. */
export async function selectRuns(clip: Clip, select: SwapSelection, context: SelectionContext): Promise<Run[]> {
  if (select.mode === 'word') return findWord(clip, select.word, context.words);
  if (select.mode === 'position') return [findPosition(select, context.words)];
  return findCarriers(clip, select.concept, context);
}

function findWord({ tokenizer }: Clip, word: string, words: readonly Word[]): Run[] {
  const wanted = wordsOf(tokenizer, tokenizer.encode(word)).map((w) => w.text);
  if (wanted.length === 0) return [{ start: 0, count: 0, replaced: true }];
  const runs: Run[] = [];
  for (let start = 0; start + wanted.length <= words.length; start++) {
    if (!wanted.every((text, i) => words[start + i].text === text)) continue;
    runs.push({ start, count: wanted.length, replaced: true });
    start += wanted.length - 1;
  }
  if (runs.length > 0) return runs;
  throw check.invalid('word', `one of the prompt's words (${words.map((w) => w.text).join(' ')})`, word);
}

/** Tokens → the words that hold them. */
function findPosition({ start, count }: { start: number; count: number }, words: readonly Word[]): Run {
  const after = words.findIndex((word) => word.start + word.ids.length > start);
  if (start === -1 || after === -1) return { start: words.length, count: 0, replaced: true };
  if (count === 0) return { start: after, count: 0, replaced: true };
  const held = words.filter((word) => word.start + word.ids.length > start && word.start < start + count);
  return { start: after, count: held.length, replaced: true };
}

/** Words that carry at least this share of what the strongest word carries are selected with it. */
const SHARE = 0.5;

/**
 * auto: the word whose loss costs the most similarity, with those of its neighbours that cost at least half as much. If a
 * concept is named, the cost is multiplied by the word's own similarity to the concept (a word carries it only if it is near
 * the concept and matters in this prompt), and all words that reach half are selected, wherever they stand; the new words
 * take the place of the strongest.
 */
async function findCarriers(clip: Clip, concept: string | undefined, context: SelectionContext): Promise<Run[]> {
  const { words, target, signal } = context;
  const ids = words.flatMap((word) => word.ids);
  const groups = words.map((word) => word.ids.map((_, i) => word.start + i));
  const lost = await lossesWithout(clip, ids, { groups, target, signal });
  const relevance = concept ? await nearness(clip, concept, context) : words.map(() => 1);
  const carried = words.map(({ text }, w) => (hasLetters(text) ? Math.max(0, lost[w]) * relevance[w] : -1));
  const best = carried.indexOf(Math.max(...carried));
  const carries = (w: number) => w === best || (carried[w] > 0 && carried[w] >= SHARE * carried[best]);
  const runs: Run[] = [];
  for (let start = 0; start < words.length; start++) {
    let count = 0;
    while (start + count < words.length && carries(start + count)) count++;
    const holds = start <= best && best < start + count;
    if (count > 0 && (holds || concept)) runs.push({ start, count, replaced: holds });
    start += count;
  }
  return runs;
}

/** Cosine of each word alone with the concept, but at least 0. */
async function nearness(clip: Clip, concept: string, { words, signal }: SelectionContext): Promise<number[]> {
  const [named, ...alone] = await clip.text.encode([concept, ...words.map((word) => word.text)], signal);
  return alone.map((embedding) => Math.max(0, dot(embedding, named)));
}

/**
 * How much of everything but the concept an edit kept, from −1 to 1 (1: only the concept changed):
 *
 *   stability = cos(p − Π p, q − Π q)
 *
 * p, q: unit embeddings of the prompt before and after; Π: the projection onto the span of the concepts' text
 * embeddings (the removed and the new one). 1 if nothing is left of either, 0 if nothing is left of one of them.
 */
export function editStability(p: Float32Array, q: Float32Array, concepts: readonly Float32Array[]): number {
  const basis: Float32Array[] = [];
  for (const concept of concepts) {
    const rest = without(concept, basis);
    if (dot(rest, rest) > NOTHING) basis.push(normalise(rest));
  }
  const [a, b] = [without(p, basis), without(q, basis)];
  const [left, right] = [dot(a, a) > NOTHING, dot(b, b) > NOTHING];
  if (!left || !right) return left === right ? 1 : 0;
  return Math.max(-1, Math.min(1, dot(normalise(a), normalise(b))));
}

/** Squared length below which a vector is float32's rounding error. */
const NOTHING = 1e-8;

/** The vector without its parts along orthonormal directions. */
function without(vector: Float32Array, basis: readonly Float32Array[]): Float32Array {
  return basis.reduce((rest, axis) => {
    const part = dot(rest, axis);
    return rest.map((x, i) => x - part * axis[i]);
  }, vector);
}
