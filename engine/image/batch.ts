// ComfyUI's IMAGE, a batch of pictures of one size, ↔ the bytes of single pictures: byte / 255 in, 255 · value truncated to a byte out.
import { InputError } from '../errors.ts';
import type { RawImage } from './decode-image.ts';
import { allocate } from './grid.ts';

/** Pictures of one size, values in [0, 1], float32 [B, H, W, C]; C is 3 or 4, rarely 1. */
export interface ImageBatch {
  readonly shape: readonly [batch: number, height: number, width: number, channels: number];
  readonly data: Float32Array;
}

/** An empty batch, all 0. Throws IMAGE_TOO_LARGE above 2 GiB. */
export const makeBatch = (shape: ImageBatch['shape']): ImageBatch => ({ shape, data: allocate(...shape) });

/** Pictures with the same size and number of channels → a batch. */
export function batchOf(images: readonly RawImage[]): ImageBatch {
  const { width, height, channels } = images[0];
  const batch = makeBatch([images.length, height, width, channels]);
  images.forEach(({ data }, i) => {
    const offset = i * data.length;
    for (let k = 0; k < data.length; k++) batch.data[offset + k] = data[k] / 255;
  });
  return batch;
}

/** Batches with the same size and number of channels → one batch. */
export function joinBatches(batches: readonly ImageBatch[]): ImageBatch {
  const [, height, width, channels] = batches[0].shape;
  const joined = makeBatch([batches.reduce((sum, { shape }) => sum + shape[0], 0), height, width, channels]);
  let at = 0;
  for (const { data } of batches) {
    joined.data.set(data, at);
    at += data.length;
  }
  return joined;
}

/** Picture `index` of a batch as bytes; NaN becomes 0. Throws IMAGE_UNREADABLE unless it has 1, 3 or 4 channels. */
export function bytesOf({ shape: [, height, width, channels], data }: ImageBatch, index: number): RawImage {
  if (channels !== 1 && channels !== 3 && channels !== 4)
    throw new InputError('IMAGE_UNREADABLE', `A picture has 1, 3 or 4 channels, but this one has ${channels}.`);
  const size = height * width * channels;
  const bytes = new Uint8Array(size);
  // In float32, like ComfyUI: 255 · (k / 255) is then exactly k again. A clamped array would round instead of truncating.
  for (let k = 0, from = index * size; k < size; k++, from++) {
    const value = Math.fround(255 * data[from]);
    bytes[k] = value > 0 ? (value < 255 ? value : 255) : 0;
  }
  return { data: bytes, width, height, channels };
}

/** All pictures of a batch as bytes. */
export const allBytesOf = (images: ImageBatch): RawImage[] =>
  Array.from({ length: images.shape[0] }, (_, i) => bytesOf(images, i));
