// Texts → their unit embeddings: exactly what any user of the encoder gets, but computed in short rows if the encoder allows them.
import type { Clip } from '../clip/clip.ts';
import { readsOutAtEnd } from '../clip/read-out.ts';
import type { DecodedPrompt } from './decode-prompt.ts';

/** A text and its tokens. */
export type Encoded = Pick<DecodedPrompt, 'prompt' | 'ids'>;

export interface Scorer {
  /** Embeddings [P] of texts with their ids, in batches of equal length if the encoder allows short rows. */
  embed(texts: readonly Encoded[]): Promise<Float32Array[]>;
  /** Embeddings of texts through the ordinary, padded path: what is reported. */
  embedOrdinary(prompts: readonly string[]): Promise<Float32Array[]>;
}

/** The scorer of a CLIP. An encoder whose embedding depends on the padding is always run with padding. */
export async function createScorer({ text, tokenizer }: Clip): Promise<Scorer> {
  const short = await readsOutAtEnd({ text, tokenizer });

  async function embed(texts: readonly Encoded[]): Promise<Float32Array[]> {
    if (texts.length === 0) return [];
    if (!short) return text.encode(texts.map(({ prompt }) => prompt));
    const byLength = new Map<number, number[]>();
    texts.forEach(({ ids }, i) => {
      byLength.set(ids.length, [...(byLength.get(ids.length) ?? []), i]);
    });
    const out: Float32Array[] = new Array(texts.length);
    for (const group of byLength.values()) {
      const embeddings = await text.encodeFramed(group.map((i) => tokenizer.frame(texts[i].ids)));
      group.forEach((i, n) => {
        out[i] = embeddings[n];
      });
    }
    return out;
  }
  return { embed, embedOrdinary: (prompts) => text.encode([...prompts]) };
}
