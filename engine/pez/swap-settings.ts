// What a caller may ask of `swapConcepts`: selections, swaps, options, and their checks.
import * as check from '../check.ts';
import type { Clip } from '../clip/clip.ts';
import { type Embeddable, roomOf } from './embed.ts';

/**
 * What is swapped. word: every place where the prompt has this word or phrase ('': before its first word).
 * position: `count` tokens from `start` (count 0: insert before it; start −1: at the end), widened to whole words.
 * auto: the words that carry the concept, or the subject if no concept is named, found by leaving words out.
 */
export type SwapSelection =
  | { readonly mode: 'word'; readonly word: string }
  | { readonly mode: 'position'; readonly start: number; readonly count: number }
  | { readonly mode: 'auto'; readonly concept?: string };

/** `to`: '' removes what is selected. */
export interface Swap {
  readonly select: SwapSelection;
  readonly to: string;
}

export interface SwapOptions {
  readonly prompt: string;
  /** Each makes a prompt of its own from the original one. */
  readonly swaps: readonly Swap[];
  /** What the prompt describes, for contributions, auto and restore; by default the prompt's own embedding. */
  readonly target?: Embeddable;
  /**
   * Lets PEZ move the other tokens, the swapped-in ones staying in place, towards the target moved by the swap:
   * target + text(to) − text(from). Default false.
   */
  readonly restore?: boolean;
  /** With restore: what the other tokens should describe, instead of the moved target. */
  readonly style?: Embeddable;
  readonly seed?: number;
  /** Of the restoring search: see InvertOptions; by default 60 and 4. */
  readonly steps?: number;
  readonly restarts?: number;
  /** If it is aborted while restoring, the unrestored prompt or the best so far is returned with `aborted: true`. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SwapProgress) => void;
}

export interface SwapProgress {
  readonly step: number;
  readonly steps: number;
  readonly prompt: string;
  readonly similarity: number;
}

/** How many tokens a prompt has. Throws OPTION_INVALID if it has none, or more than the encoder reads. */
export function checkPrompt(tokenizer: Clip['tokenizer'], prompt: unknown): number {
  const tokens = typeof prompt === 'string' ? tokenizer.encode(prompt).length : 0;
  const room = roomOf(tokenizer);
  if (tokens === 0) throw check.invalid('prompt', 'text that is not empty', prompt);
  if (tokens > room)
    throw check.invalidCount('prompt', `at most ${room} tokens, which is what the encoder reads`, tokens);
  return tokens;
}

/** Throws OPTION_INVALID. */
export function checkSwap({ tokenizer }: Clip, { prompt, swaps, seed }: SwapOptions): void {
  const tokens = checkPrompt(tokenizer, prompt);
  if (seed !== undefined) check.integer('seed', seed, { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (!Array.isArray(swaps) || swaps.length === 0) throw check.invalid('swaps', 'at least one {select, to}', swaps);
  for (const { select, to } of swaps as readonly Swap[]) {
    check.text('to', to);
    check.oneOf('select', select?.mode, ['word', 'position', 'auto']);
    if (select.mode === 'word') check.text('word', select.word);
    if (select.mode !== 'position') continue;
    check.integer('start', select.start, { min: -1, max: tokens, note: `the prompt has ${tokens} tokens` });
    check.integer('count', select.count, { min: 0, max: select.start === -1 ? 0 : tokens - select.start });
  }
}
