// Texts → their unit embeddings: exactly as any user of the encoder gets them, but at their short length where that agrees.
import type { Clip } from '../clip/clip.ts';
import { readsOutAtEnd } from '../clip/read-out.ts';
import type { Reading } from './decode-prompt.ts';

export interface Scorer {
  /** Embeddings [P] of readings, in batches of equal length where the encoder allows short rows. */
  embed(readings: readonly Reading[]): Promise<Float32Array[]>;
  /** Embeddings of texts through the ordinary, padded path: what is reported. */
  embedOrdinary(prompts: readonly string[]): Promise<Float32Array[]>;
}

/** The scorer of a CLIP. An encoder whose embedding depends on the padding is always run padded. */
export async function createScorer({ text, tokenizer }: Clip): Promise<Scorer> {
  const short = await readsOutAtEnd({ text, tokenizer });

  async function embed(readings: readonly Reading[]): Promise<Float32Array[]> {
    if (readings.length === 0) return [];
    if (!short) return text.encode(readings.map((r) => r.prompt));
    const byLength = new Map<number, number[]>();
    readings.forEach(({ ids }, i) => {
      byLength.set(ids.length, [...(byLength.get(ids.length) ?? []), i]);
    });
    const out: Float32Array[] = new Array(readings.length);
    for (const group of byLength.values()) {
      const embeddings = await text.encodeFramed(group.map((i) => tokenizer.frame(readings[i].ids)));
      group.forEach((i, n) => {
        out[i] = embeddings[n];
      });
    }
    return out;
  }
  return { embed, embedOrdinary: (prompts) => text.encode([...prompts]) };
}
