// A prompt → its words with their tokens, and how much each word contributes to the similarity.
import type { Clip } from '../clip/clip.ts';
import { dot } from '../vector.ts';
import { lossesWithout } from './contribution.ts';
import { type Embeddable, embedAll } from './embed.ts';
import { checkPrompt } from './swap-settings.ts';
import { wordsOf } from './words.ts';

export interface WordContribution {
  readonly word: string;
  /** Its tokens as they read; one for most words. */
  readonly tokens: readonly string[];
  /** cos(prompt, target) − cos(prompt without the word, target); below 0 if the word is in the way. */
  readonly contribution: number;
}

export interface MeasuredPrompt {
  readonly words: readonly WordContribution[];
  /** Cosine of the prompt and the target. */
  readonly similarity: number;
}

/**
 * The contribution of every word of `prompt` to its similarity with `target` (by default the prompt itself), in order. All
 * prompts with one word left out are scored exactly. Throws OPTION_INVALID for a prompt that the context does not hold.
 */
export async function measureWords(
  clip: Clip,
  prompt: string,
  { target, signal }: { target?: Embeddable | undefined; signal?: AbortSignal | undefined } = {},
): Promise<MeasuredPrompt> {
  const { tokenizer } = clip;
  checkPrompt(tokenizer, prompt);
  const ids = tokenizer.encode(prompt);
  const [whole] = await clip.text.encode([prompt], signal);
  const [goal] = target ? await embedAll(clip, [target], signal) : [whole];
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
