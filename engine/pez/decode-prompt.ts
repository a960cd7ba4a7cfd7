// Token ids → the text that a user gets, and the ids which that text really has: only such pairs are ever reported.
import type { Tokenizer } from '../clip/tokenizer.ts';
import type { Fixed } from './search.ts';
import type { Template } from './template.ts';
import { fold, type Vocabulary } from './vocabulary.ts';

export interface Reading {
  /** The whole text, the template filled in. */
  readonly prompt: string;
  /** encode(prompt): what any encoder will see of it. */
  readonly ids: readonly number[];
  /** The part of `ids` between the template's, or null where template and prompt have joined. */
  readonly learned: readonly number[] | null;
  /** True where `learned` are the very ids that were read, so that their score is the text's. */
  readonly faithful: boolean;
}

export interface ReaderOptions {
  readonly tokenizer: Tokenizer;
  readonly template: Template;
  readonly vocabulary: Vocabulary;
  readonly allow: readonly string[];
  readonly block: readonly string[];
  /** Most tokens that the learned part may have. */
  readonly length: number;
  /** Ids that a text must keep in their places to count. */
  readonly fixed: Fixed;
}

/** Returns null for ids without a permitted text. */
export type ReadPrompt = (ids: readonly number[]) => Reading | null;

/** Readings that are kept; a search rarely visits more. */
const MEMORY = 50_000;

/**
 * A function from learned ids to their reading. Left out of the text are words that the lists forbid and, where the vocabulary is
 * one of whole words, words that stand there already; but no fixed one.
 */
export function createReader(options: ReaderOptions): ReadPrompt {
  const { tokenizer, template, vocabulary, fixed } = options;
  const wholeWords = vocabulary.words && [...fixed.values()].every((id) => vocabulary.mask[id] === 0);
  const permit = createCensor(options);
  // A word says nothing more the second time; words that have to stay may repeat each other all the same.
  const once = wholeWords && new Set(fixed.values()).size === fixed.size;
  const seen = new Map<string, Reading | null>();

  const read = (ids: readonly number[]): Reading | null => {
    const text = tokenizer.decode(ids);
    const permitted = once ? leaveOutRepeats(permit(text)) : permit(text);
    if (permitted.trim() === '') return null;
    const prompt = template.fill(permitted);
    if (wholeWords && template.parted && permitted === text)
      return { prompt, ids: [...template.before, ...ids, ...template.after], learned: ids, faithful: true };
    const reading = readText(prompt, ids, options);
    return reading && keeps(reading, fixed) ? reading : null;
  };
  return (ids) => {
    const key = ids.join();
    let reading = seen.get(key);
    if (reading === undefined) {
      if (seen.size >= MEMORY) seen.clear();
      seen.set(key, (reading = read(ids)));
    }
    return reading;
  };
}

const keeps = ({ learned }: Reading, fixed: Fixed): boolean => [...fixed].every(([m, id]) => learned?.[m] === id);

/** The reading of a whole text; null where its learned part is longer than allowed. */
export function readText(
  prompt: string,
  meant: readonly number[],
  { tokenizer, template: { before, after }, length }: Pick<ReaderOptions, 'tokenizer' | 'template' | 'length'>,
): Reading | null {
  const ids = Array.from(tokenizer.encode(prompt));
  const count = ids.length - before.length - after.length;
  if (count > length || ids.length === 0) return null;
  const split = count > 0 && startsWith(ids, before) && startsWith(ids.slice(before.length + count), after);
  const learned = split ? ids.slice(before.length, before.length + count) : null;
  return { prompt, ids, learned, faithful: learned?.join() === meant.join() };
}

const startsWith = (ids: readonly number[], start: readonly number[]) => start.every((id, i) => ids[i] === id);

/** text → the text without what the lists forbid: block by substring of the whole text, allow word by word. */
function createCensor({ tokenizer, template, allow, block, fixed }: ReaderOptions): (text: string) => string {
  const blocked = block.map(fold).map((word) => ({ word, own: countIn(fold(template.fill(' ')), word) }));
  const fixedWords = allow.length > 0 ? words(fold(tokenizer.decode([...fixed.values()]))) : [];
  const entries = [...allow.map(fold), ...fixedWords];
  const spelt = new Set(entries.flatMap((e) => [e, fold(tokenizer.decode(tokenizer.encode(e)))].flatMap(words)));
  const allowed = (word: string) => spelt.has(word) || entries.some((e) => word.includes(e));
  const offence = (kept: readonly string[]) =>
    blocked.find(({ word, own }) => countIn(fold(template.fill(kept.join(' '))), word) > own);
  if (blocked.length + entries.length === 0) return (text) => text;

  return (text) => {
    const all = words(text);
    let kept = entries.length ? all.filter((word) => allowed(fold(word))) : all;
    // Leave out the word whose loss takes the blocked string away; the last one where none does alone.
    for (let bad = offence(kept); bad && kept.length > 0; bad = offence(kept)) {
      const { word, own } = bad;
      const without = kept.map((_, i) => kept.filter((_, j) => j !== i));
      kept = without.find((rest) => countIn(fold(template.fill(rest.join(' '))), word) <= own) ?? kept.slice(0, -1);
    }
    return kept.length === all.length ? text : kept.join(' ');
  };
}

/** The text with the first of every word. */
function leaveOutRepeats(text: string): string {
  const all = words(text);
  const distinct = new Set(all);
  return distinct.size === all.length ? text : [...distinct].join(' ');
}

const words = (text: string): string[] => text.split(/\s+/).filter(Boolean);

const countIn = (text: string, part: string): number => text.split(part).length - 1;
