// Whether the positions after a text's end change its embedding: if they don't, M + 2 positions suffice instead of 77.
import { remember } from '../memo.ts';
import type { Clip } from './clip.ts';

/** Two unit embeddings that differ by no more than this in any number are the same: float32 sums in another order. */
const SAME = 1e-5;

const known = new WeakMap<Clip['text'], Promise<boolean>>();

/**
 * True if a text tower is causal and reads out at the end token, or masks what follows it. Found by experiment, once per
 * encoder: the embedding of a short text, alone and padded to the context.
 */
export const readsOutAtEnd = (clip: Pick<Clip, 'text' | 'tokenizer'>): Promise<boolean> =>
  remember(known, clip.text, () => compare(clip));

async function compare({ text, tokenizer }: Pick<Clip, 'text' | 'tokenizer'>): Promise<boolean> {
  const sample = 'a red fox';
  const [padded] = await text.encode([sample]);
  try {
    const [alone] = await text.encodeFramed([tokenizer.frame(tokenizer.encode(sample))]);
    return alone.every((value, i) => Math.abs(value - padded[i]) <= SAME);
  } catch {
    return false; // an export of fixed length
  }
}
