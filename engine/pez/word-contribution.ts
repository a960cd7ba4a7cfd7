// A prompt → its words with their tokens, and how much each word contributes to the similarity.
import type { Clip } from '../clip/clip.ts';
import { dot, meanVector } from '../vector.ts';
import { lossesWithout } from './contribution.ts';
import { type Embeddable, embedAll } from './embed.ts';
import { checkPrompt } from './swap-settings.ts';
import { wordsOf } from './words.ts';

export interface WordContribution {
  readonly word: string;
  /** Its tokens as they read; one for most words. */
  readonly tokens: readonly string[];
  /** cos(prompt, target) − cos(prompt without the word, target), a mean over the targets; below 0 if the word is in the way. */
  readonly contribution: number;
}

export interface MeasuredPrompt {
  readonly words: readonly WordContribution[];
  /** Mean cosine of the prompt and the targets. */
  readonly similarity: number;
}

/**
 * The contribution of every word of `prompt` to its mean similarity with `targets` (by default the prompt itself), in order. All
 * prompts with one word left out are scored exactly. Throws OPTION_INVALID for a prompt that the context does not hold.
 */
export async function measureWords(
  clip: Clip,
  prompt: string,
  { targets = [], signal }: { targets?: readonly Embeddable[]; signal?: AbortSignal | undefined } = {},
): Promise<MeasuredPrompt> {
  const { tokenizer } = clip;
  checkPrompt(tokenizer, prompt);
  const ids = tokenizer.encode(prompt);
  const [whole] = await clip.text.encode([prompt], signal);
  // A mean of cosines is one cosine with the mean of unit vectors, which need not be a unit vector itself.
  const goal = targets.length > 0 ? meanVector(await embedAll(clip, targets, signal)) : whole;
  const words = wordsOf(tokenizer, ids);
  const groups = words.map(({ start, ids: own }) => own.map((_, i) => start + i));
  const losses = await lossesWithout(clip, ids, { groups, target: goal, signal });
  return {
    words: words.map(({ text, ids: own }, i) => ({
      word: text,
      tokens: own.map((id) => tokenizer.decode([id])),
      contribution: losses[i],
    })),
    similarity: dot(whole, goal),
  };
}
