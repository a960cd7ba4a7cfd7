// A template → the tokens around the prompt: in 'a photo of {}', the learned tokens take the place of {}.
import * as check from '../check.ts';
import type { Tokenizer } from '../clip/tokenizer.ts';

export interface Template {
  readonly text: string;
  /** Ids of the text before and after the prompt. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** True if spaces separate the prompt from the template, so that their words cannot join. */
  readonly parted: boolean;
  /** The whole text with `prompt` filled in. */
  fill(prompt: string): string;
}

/** Reads a template; throws OPTION_INVALID unless it contains {} exactly once. */
export function parseTemplate(text: unknown, tokenizer: Tokenizer): Template {
  const parts = typeof text === 'string' ? text.split('{}') : [];
  if (parts.length !== 2) throw check.invalid('template', 'text that contains {} exactly once', text);
  const [before, after] = parts;
  const encode = (part: string) => (part.trim() ? Array.from(tokenizer.encode(part)) : []);
  return {
    text: text as string,
    before: encode(before),
    after: encode(after),
    parted: (before === '' || /\s$/.test(before)) && (after === '' || /^\s/.test(after)),
    fill: (prompt) => `${before}${prompt}${after}`,
  };
}
