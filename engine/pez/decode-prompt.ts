// Token ids → the text that a user gets, and the ids that this text really has: only such pairs are ever reported.
import type { Tokenizer } from '../clip/tokenizer.ts';
import type { Fixed } from './fixed.ts';
import type { Template } from './template.ts';
import type { Vocabulary } from './vocabulary.ts';
import { foldText, splitText } from './words.ts';

export interface DecodedPrompt {
  /** The whole text, the template filled in. */
  readonly prompt: string;
  /** encode(prompt): what any encoder will see of it. */
  readonly ids: readonly number[];
  /** The part of `ids` between the template's; null if template and prompt have joined. */
  readonly learned: readonly number[] | null;
  /** True if `learned` are the very ids that were decoded, so that their score is the text's. */
  readonly roundTrips: boolean;
}

export interface DecoderOptions {
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

/** Learned ids → their text; null if they have no permitted text. */
export type DecodePrompt = (ids: readonly number[]) => DecodedPrompt | null;

/** Texts that are remembered; a search rarely visits more. */
const MEMORY = 50_000;

/**
 * A function from learned ids to their text. It leaves out words that the lists forbid and, if the vocabulary is one of
 * whole words, the repetitions of a word; but never a fixed one.
 */
export function createPromptDecoder(options: DecoderOptions): DecodePrompt {
  const { tokenizer, template, vocabulary, fixed } = options;
  const wholeWords = vocabulary.words && [...fixed.values()].every((id) => vocabulary.mask[id] === 0);
  const permit = createCensor(options);
  // A word says nothing more the second time; but words that have to stay may repeat each other.
  const once = wholeWords && new Set(fixed.values()).size === fixed.size;
  const known = new Map<string, DecodedPrompt | null>();

  const decode = (ids: readonly number[]): DecodedPrompt | null => {
    const text = tokenizer.decode(ids);
    const permitted = once ? leaveOutRepeats(permit(text)) : permit(text);
    if (permitted.trim() === '') return null;
    const prompt = template.fill(permitted);
    if (wholeWords && template.parted && permitted === text)
      return { prompt, ids: [...template.before, ...ids, ...template.after], learned: ids, roundTrips: true };
    const decoded = encodePrompt(prompt, ids, options);
    return decoded && keeps(decoded, fixed) ? decoded : null;
  };
  return (ids) => {
    const key = ids.join();
    let decoded = known.get(key);
    if (decoded === undefined) {
      if (known.size >= MEMORY) known.clear();
      known.set(key, (decoded = decode(ids)));
    }
    return decoded;
  };
}

const keeps = ({ learned }: DecodedPrompt, fixed: Fixed): boolean => [...fixed].every(([m, id]) => learned?.[m] === id);

/** A whole text with the ids that it really has; null if its learned part is longer than allowed. `meant`: the ids that it was made of. */
function encodePrompt(
  prompt: string,
  meant: readonly number[],
  { tokenizer, template: { before, after }, length }: DecoderOptions,
): DecodedPrompt | null {
  const ids = Array.from(tokenizer.encode(prompt));
  const count = ids.length - before.length - after.length;
  if (count > length || ids.length === 0) return null;
  const split = count > 0 && startsWith(ids, before) && startsWith(ids.slice(before.length + count), after);
  const learned = split ? ids.slice(before.length, before.length + count) : null;
  return { prompt, ids, learned, roundTrips: learned?.join() === meant.join() };
}

const startsWith = (ids: readonly number[], start: readonly number[]) => start.every((id, i) => ids[i] === id);

/** text → the text without what the lists forbid: block by substring of the whole text, allow word by word. */
function createCensor({ tokenizer, template, allow, block, fixed }: DecoderOptions): (text: string) => string {
  const blocked = block.map(foldText).map((word) => ({ word, own: countIn(foldText(template.fill(' ')), word) }));
  const fixedWords = allow.length > 0 ? splitText(foldText(tokenizer.decode([...fixed.values()]))) : [];
  const entries = [...allow.map(foldText), ...fixedWords];
  const spelt = new Set(
    entries.flatMap((e) => [e, foldText(tokenizer.decode(tokenizer.encode(e)))].flatMap(splitText)),
  );
  const allowed = (word: string) => spelt.has(word) || entries.some((e) => word.includes(e));
  const offence = (kept: readonly string[]) =>
    blocked.find(({ word, own }) => countIn(foldText(template.fill(kept.join(' '))), word) > own);
  if (blocked.length + entries.length === 0) return (text) => text;

  return (text) => {
    const all = splitText(text);
    let kept = entries.length ? all.filter((word) => allowed(foldText(word))) : all;
    // Leave out the word without which the blocked string is gone; the last word if there is no such word.
    for (let bad = offence(kept); bad && kept.length > 0; bad = offence(kept)) {
      const { word, own } = bad;
      const without = kept.map((_, i) => kept.filter((_, j) => j !== i));
      kept = without.find((rest) => countIn(foldText(template.fill(rest.join(' '))), word) <= own) ?? kept.slice(0, -1);
    }
    return kept.length === all.length ? text : kept.join(' ');
  };
}

/** The text with the first of every word. */
function leaveOutRepeats(text: string): string {
  const all = splitText(text);
  const distinct = new Set(all);
  return distinct.size === all.length ? text : [...distinct].join(' ');
}

const countIn = (text: string, part: string): number => text.split(part).length - 1;
