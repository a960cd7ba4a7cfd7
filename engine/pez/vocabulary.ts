// Which tokens a prompt may consist of: a base set by name, narrowed by an allow-list and a block-list → a mask.
import type { Tokenizer } from '../clip/tokenizer.ts';
import { InputError } from '../errors.ts';
import type { VocabularyName } from './options.ts';
import { foldText } from './words.ts';

export interface VocabularyRequest {
  readonly vocabularyName: VocabularyName;
  readonly allow: readonly string[];
  readonly block: readonly string[];
}

export interface Vocabulary {
  /** [V]: 0 for a token to choose from, −∞ for the others (and for rows of the table without a token). */
  readonly mask: Float32Array;
  /** The ids of the allowed tokens, ascending. */
  readonly ids: Int32Array;
  /** Allowed words and phrases of several tokens: their ids in order. */
  readonly phrases: readonly (readonly number[])[];
  /** The ids that may stand alone: `ids` without those that are only part of phrases. */
  readonly singles: Int32Array;
  /** True if every allowed token is a whole word that, between spaces, re-tokenises to itself. */
  readonly words: boolean;
}

/** The base sets of each tokenizer, computed once: looking at every token of a real one takes about a second. */
const baseSets = new WeakMap<Tokenizer, Map<VocabularyName, ReadonlySet<number>>>();

/**
 * The allowed tokens for a table of `rows` rows. `allow`: tokens of the base set that contain one of the strings, and all
 * tokens of the strings themselves; `block`: without tokens that contain one of the strings. Letter case does not count.
 * Throws VOCABULARY_EMPTY if nothing is left.
 */
export function createVocabulary(tokenizer: Tokenizer, rows: number, request: VocabularyRequest): Vocabulary {
  const allow = request.allow.map(foldText);
  const block = request.block.map(foldText);
  const text = (id: number) => foldText(tokenizer.decode([id]));
  const base = baseSet(tokenizer, request.vocabularyName);
  const isAllowed = (id: number) => id < rows && !block.some((b) => text(id).includes(b));
  const single = (id: number) => allow.length === 0 || allow.some((a) => text(id).includes(a));
  const entries = allow.map((entry) => tokenizer.encode(entry)).filter((ids) => ids.length > 0 && ids.every(isAllowed));
  const singles = new Set([...base].filter((id) => isAllowed(id) && single(id)));
  for (const ids of entries) if (ids.length === 1) singles.add(ids[0]);
  const phrases = entries.filter((ids) => ids.length > 1);
  if (singles.size + phrases.length === 0) throw emptyVocabulary(request);
  return assemble(rows, singles, phrases, request.vocabularyName === 'words' && phrases.length === 0);
}

/** The same vocabulary with only these words: each one of its single ids or phrases. */
export function narrowVocabulary(vocabulary: Vocabulary, words: readonly (readonly number[])[]): Vocabulary {
  const singles = new Set(words.filter((ids) => ids.length === 1).flat());
  const phrases = words.filter((ids) => ids.length > 1);
  return assemble(vocabulary.mask.length, singles, phrases, vocabulary.words);
}

function assemble(
  rows: number,
  singles: ReadonlySet<number>,
  phrases: readonly (readonly number[])[],
  words: boolean,
): Vocabulary {
  const ids = Int32Array.from(new Set([...singles, ...phrases.flat()])).sort();
  const mask = new Float32Array(rows).fill(Number.NEGATIVE_INFINITY);
  for (const id of ids) mask[id] = 0;
  return { mask, ids, phrases, singles: Int32Array.from(singles).sort(), words };
}

function baseSet(tokenizer: Tokenizer, name: VocabularyName): ReadonlySet<number> {
  let sets = baseSets.get(tokenizer);
  if (!sets) baseSets.set(tokenizer, (sets = new Map()));
  let set = sets.get(name);
  if (!set) {
    const found = new Set<number>();
    for (let id = 0; id < tokenizer.vocabSize; id++) if (belongs(tokenizer, id, name)) found.add(id);
    sets.set(name, (set = found));
  }
  return set;
}

function belongs(tokenizer: Tokenizer, id: number, name: VocabularyName): boolean {
  if (name === 'all') return true;
  if (tokenizer.specialIds.has(id)) return false;
  const text = tokenizer.decode([id]);
  // Controls, lone surrogates, unassigned and private characters; U+FFFD stands for part of a character.
  if (text.trim() === '' || /[\p{C}\uFFFD]/u.test(text)) return false;
  if (name === 'printable') return true;
  return tokenizer.endsWord(id) && /^\p{L}{2,}$/u.test(text) && encodesTo(tokenizer, text, id);
}

function encodesTo(tokenizer: Tokenizer, text: string, id: number): boolean {
  const ids = tokenizer.encode(text);
  return ids.length === 1 && ids[0] === id;
}

function emptyVocabulary({ vocabularyName, allow, block }: VocabularyRequest): InputError {
  const lists = [allow.length ? `the allow-list (${allow.join(', ')})` : '', block.length ? 'the block-list' : ''];
  const because = ['the vocabulary', ...lists.filter(Boolean)].join(', ');
  return new InputError(
    'VOCABULARY_EMPTY',
    `No token is left to choose from: ${because} ("${vocabularyName}") excludes them all; allow more words or block fewer.`,
  );
}
