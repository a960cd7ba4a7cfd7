// A long text → a short prompt of the same meaning (the paper's prompt distillation).
import type { Clip } from '../clip/clip.ts';
import type { PromptCandidate } from './finalists.ts';
import type { InvertOptions } from './options.ts';

export interface DistilOptions extends Omit<InvertOptions, 'targets' | 'batchSize' | 'length'> {
  /** Of any length; one that the context does not hold is embedded in chunks, whose mean is the target. */
  readonly text: string;
  /** Most tokens of the prompt. */
  readonly length?: number;
  /** Or: tokens of the prompt as a part of the text's, above 0 and at most 1; default 0.5. The paper: 0.7, 0.5, 0.3, 0.1. */
  readonly ratio?: number;
}

export interface DistilResult extends PromptCandidate {
  readonly tokens: readonly { readonly id: number; readonly text: string }[];
  /** Tokens of the text. */
  readonly originalTokens: number;
  /** Pieces that the text was embedded in; 1 where the context holds it. */
  readonly chunks: number;
  /** Tokens that were allowed: `length`, or ratio × originalTokens, and at least 1; at most what the context holds. */
  readonly length: number;
  readonly seed: number;
  readonly seconds: number;
  readonly candidates: readonly PromptCandidate[];
  readonly aborted: boolean;
}

export async function distilPrompt(_clip: Clip, _options: DistilOptions): Promise<DistilResult> {
  throw new Error('distilPrompt: in the making');
}
