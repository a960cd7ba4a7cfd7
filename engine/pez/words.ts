// Token ids → words with their tokens, and words → a prompt: prompts are cut and joined between words, never inside one.
import { tidySpaces } from '../clip/tidy-spaces.ts';
import type { Tokenizer } from '../clip/tokenizer.ts';

export interface Word {
  readonly text: string;
  readonly ids: readonly number[];
  /** Position of its first token. */
  readonly start: number;
}

/** The words of a text's ids as the tokenizer reads them; a mark such as "," is a word of its own. */
export function wordsOf(tokenizer: Tokenizer, ids: readonly number[]): Word[] {
  const ends = marksEnds(tokenizer);
  const words: Word[] = [];
  let start = 0;
  ids.forEach((id, i) => {
    const whole = i + 1 === ids.length || (ends ? tokenizer.endsWord(id) : tokenizer.endsWord(ids[i + 1]));
    if (!whole) return;
    const own = ids.slice(start, i + 1);
    words.push({ text: tokenizer.decode(own), ids: own, start });
    start = i + 1;
  });
  return words;
}

/** Words → a prompt, spaced as a person would type it if that changes no token. */
export function joinWords(tokenizer: Tokenizer, words: readonly string[]): string {
  const text = words.filter((word) => word.trim() !== '').join(' ');
  const tidy = tidySpaces(text);
  return tokenizer.encode(tidy).join() === tokenizer.encode(text).join() ? tidy : text;
}

/** The texts between the spaces. */
export const splitText = (text: string): string[] => text.split(/\s+/).filter(Boolean);

/** How texts are compared: in lower case, with single spaces. */
export const foldText = (text: string): string => text.toLowerCase().replace(/\s+/g, ' ').trim();

/** Each text once, with the last of its words; punctuation marks only if there is nothing else. */
export function distinctWords(words: readonly Word[]): Word[] {
  const all = [...new Map(words.map((word) => [word.text, word])).values()];
  const spoken = all.filter(({ text }) => hasLetters(text));
  return spoken.length > 0 ? spoken : all;
}

/** False for a punctuation mark. */
export const hasLetters = (text: string): boolean => /[\p{L}\p{N}]/u.test(text);

/** A word that is in no vocabulary as a whole. */
const LONG_WORD = 'zyxwvutsrqpolkj';

/** True if tokens mark the end of a word (CLIP), false if they mark its start (see Tokenizer.endsWord). */
function marksEnds(tokenizer: Tokenizer): boolean {
  const pieces = tokenizer.encode(LONG_WORD);
  return pieces.length < 2 || tokenizer.endsWord(pieces[pieces.length - 1]);
}
