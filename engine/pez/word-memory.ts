// One-word texts → their embeddings. They depend on the encoder alone, so they are kept for the next search.
import type { Clip } from '../clip/clip.ts';
import type { Encoded, Scorer } from './scorer.ts';

/** Encoder → text → its unit embedding [P]; up to MEMORY of them. */
const memory = new WeakMap<Clip['text'], Map<string, Float32Array>>();
const MEMORY = 20_000;

/** A function that embeds words, each only once per encoder. It gives way to other work after what it had to compute. */
export function createWordMemory(
  { text }: Pick<Clip, 'text'>,
  scorer: Pick<Scorer, 'embed'>,
): (words: readonly Encoded[]) => Promise<Float32Array[]> {
  return async (words) => {
    const known = memory.get(text) ?? new Map<string, Float32Array>();
    memory.set(text, known);
    const missing = words.filter(({ prompt }) => !known.has(prompt));
    const computed = await scorer.embed(missing);
    for (const [n, { prompt }] of missing.entries()) known.set(prompt, computed[n]);
    const embeddings = words.map(({ prompt }) => known.get(prompt)!);
    if (known.size > MEMORY) known.clear();
    if (missing.length > 0) await new Promise((resolve) => setImmediate(resolve));
    return embeddings;
  };
}
