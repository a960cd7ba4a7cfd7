// A prompt and swaps → prompts in which one concept is another, inserted or gone, and the rest is kept.
import type { Clip } from '../clip/clip.ts';
import type { Contribution } from './contribution.ts';
import type { Embeddable } from './embed.ts';

/**
 * What is swapped. word: every place where the prompt has this word or phrase ('': before its first word).
 * position: `count` tokens from `start` (count 0: insert before it; start −1: at the end), widened to whole words.
 * auto: the words that carry the concept, or the subject where none is named, found by leaving words out.
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
  /** Each gives a prompt of its own, made from the original one. */
  readonly swaps: readonly Swap[];
  /** What the prompt describes, for contributions, auto and restore: by default the prompt's own embedding. */
  readonly target?: Embeddable;
  /**
   * Lets PEZ move the other tokens, the swapped-in ones staying in place, towards the target moved by the swap:
   * target + text(to) − text(from). Default false.
   */
  readonly restore?: boolean;
  /** With restore: what the other tokens should describe, instead of the moved target. */
  readonly style?: Embeddable;
  readonly seed?: number;
  /** Of the restoring search: see InvertOptions. */
  readonly steps?: number;
  readonly restarts?: number;
  /** Aborted while restoring, the unrestored or best so far is returned with `aborted: true`. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SwapProgress) => void;
}

export interface SwapProgress {
  readonly step: number;
  readonly steps: number;
  readonly prompt: string;
  readonly similarity: number;
}

export interface SwappedPrompt {
  readonly prompt: string;
  /** encode(prompt). */
  readonly ids: readonly number[];
  /** The words that went and those that came. */
  readonly swapped: { readonly from: string; readonly to: string };
  /** From −1 to 1; 1: only the concept changed. See editStability. */
  readonly editStability: number;
  /** Cosine of the prompt with what restore climbs: the moved target, or the style. */
  readonly similarity: number;
  /** The same of the prompt before restoring. */
  readonly unrestoredSimilarity: number;
}

export interface SwapResult {
  /** One for each swap, in order. */
  readonly prompts: readonly SwappedPrompt[];
  /** Of the original prompt's tokens. */
  readonly contributions: readonly Contribution[];
  readonly seconds: number;
  readonly aborted: boolean;
}

export async function swapConcepts(_clip: Clip, _options: SwapOptions): Promise<SwapResult> {
  throw new Error('swapConcepts: in the making');
}
