// Pictures, texts of any length and embeddings → unit embeddings [P].
import * as check from '../check.ts';
import type { Clip } from '../clip/clip.ts';
import type { ImageInput } from '../clip/image-encoder.ts';
import { meanVector, normalise } from '../vector.ts';

/** What can be compared with a prompt. */
export type Embeddable =
  | { readonly image: ImageInput }
  | { readonly text: string }
  | { readonly embedding: Float32Array };

/**
 * The unit embedding of each item. A text of more tokens than the context holds is cut into chunks that fit; its
 * embedding is the mean of theirs, at unit length.
 * Throws OPTION_INVALID for an item that is none of the three, and whatever reading pictures may throw.
 */
export async function embedAll(
  clip: Clip,
  items: readonly Embeddable[],
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  const found: Float32Array[] = [];
  for (const item of items) {
    signal?.throwIfAborted();
    found.push(await embedOne(clip, item, signal));
  }
  if (found.length === 0) return found;
  const expected = await clip.text.dim();
  for (const { length } of found)
    if (length !== expected) throw check.invalidCount('embedding', `the ${expected} numbers of ${clip.name}`, length);
  return found;
}

async function embedOne(clip: Clip, item: Embeddable, signal?: AbortSignal): Promise<Float32Array> {
  const kinds = ['image', 'text', 'embedding'].filter((kind) => (item as Record<string, unknown>)?.[kind] != null);
  if (kinds.length !== 1) throw check.invalid('item', 'exactly one of image, text, embedding', kinds);
  if ('image' in item && item.image != null) return (await clip.image.encode([item.image], signal))[0];
  if ('embedding' in item && item.embedding != null) {
    const { embedding } = item;
    if (!(embedding instanceof Float32Array) || !embedding.every(Number.isFinite) || !embedding.some((x) => x !== 0))
      throw check.invalid('embedding', 'a Float32Array of finite numbers, not all 0', embedding);
    return normalise(embedding);
  }
  const { text } = item as { text: unknown };
  check.text('text', text);
  return normalise(meanVector(await clip.text.encode(chunkText(clip, text), signal)));
}

/** The text itself if it fits the context, otherwise pieces of whole words that do, as equal in length as possible. */
export function chunkText({ tokenizer }: Pick<Clip, 'tokenizer'>, text: string): string[] {
  const room = roomOf(tokenizer);
  const total = tokenizer.encode(text).length;
  if (total <= room) return [text];
  const each = Math.ceil(total / Math.ceil(total / room));
  const chunks: string[] = [];
  let chunk: string[] = [];
  for (const word of text
    .split(/\s+/)
    .filter(Boolean)
    .flatMap((w) => pieces(tokenizer, w, room))) {
    const longer = tokenizer.encode([...chunk, word].join(' ')).length;
    if (chunk.length > 0 && longer > each) {
      chunks.push(chunk.join(' '));
      chunk = [];
    }
    chunk.push(word);
  }
  return [...chunks, chunk.join(' ')];
}

/** A word; if it alone is longer than the context, pieces of it. */
function pieces(tokenizer: Clip['tokenizer'], word: string, room: number): string[] {
  if (tokenizer.encode(word).length <= room) return [word];
  const chars = [...word];
  const half = Math.ceil(chars.length / 2);
  if (half === chars.length) return [];
  return [chars.slice(0, half), chars.slice(half)].flatMap((part) => pieces(tokenizer, part.join(''), room));
}

/** Tokens of content that the context holds. */
export const roomOf = (tokenizer: Clip['tokenizer']): number => tokenizer.contextLength - tokenizer.frame([]).length;
