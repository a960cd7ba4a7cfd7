// IMAGE and MASK values ↔ bytes, rounded as ComfyUI rounds: bytes / 255 in, 255 · value cut to a byte out.

import { InputError } from '../engine/errors.ts';
import type { RawImage } from '../engine/image/decode-image.ts';
import type { ImageBatch, Mask } from './values.ts';

const { fround } = Math;

/** 2 GiB of float32: a larger picture would not leave room to compute with it. */
const MAX_VALUES = 2 ** 29;

/** An empty batch, all 0. Throws IMAGE_TOO_LARGE above 2 GiB. */
export function makeBatch(shape: ImageBatch['shape']): ImageBatch {
  const size = shape.reduce((a, b) => a * b, 1);
  if (size > MAX_VALUES)
    throw new InputError(
      'IMAGE_TOO_LARGE',
      `A batch of ${shape.join(' × ')} numbers does not fit: at most ${MAX_VALUES} are allowed; make it smaller.`,
    );
  return { shape, data: new Float32Array(size) };
}

/** Pictures of one size and as many channels → a batch. */
export function batchOf(images: readonly RawImage[]): ImageBatch {
  const { width, height, channels } = images[0];
  const batch = makeBatch([images.length, height, width, channels]);
  images.forEach(({ data }, i) => {
    const offset = i * data.length;
    for (let k = 0; k < data.length; k++) batch.data[offset + k] = data[k] / 255;
  });
  return batch;
}

/** Picture `index` of a batch as bytes. Not-a-numbers become 0. */
export function bytesOf({ shape: [, height, width, channels], data }: ImageBatch, index: number): RawImage {
  if (channels !== 1 && channels !== 3 && channels !== 4)
    throw new InputError('IMAGE_UNREADABLE', `A picture has 1, 3 or 4 channels, but this one has ${channels}.`);
  const size = height * width * channels;
  const bytes = new Uint8Array(size);
  // In float32, as ComfyUI: 255 · (k / 255) is then exactly k again. A clamped array would round instead of cutting.
  for (let k = 0, from = index * size; k < size; k++, from++) {
    const value = fround(255 * data[from]);
    bytes[k] = value > 0 ? (value < 255 ? value : 255) : 0;
  }
  return { data: bytes, width, height, channels };
}

/** All pictures of a batch as bytes. */
export const allBytesOf = (images: ImageBatch): RawImage[] =>
  Array.from({ length: images.shape[0] }, (_, i) => bytesOf(images, i));

/** Alpha of pictures of one size → MASK: 1 − alpha. */
export function maskOf(alphas: readonly Uint8Array[], width: number, height: number): Mask {
  const data = new Float32Array(alphas.length * width * height);
  alphas.forEach((alpha, i) => {
    for (let k = 0; k < alpha.length; k++) data[i * alpha.length + k] = 1 - fround(alpha[k] / 255);
  });
  return { shape: [alphas.length, height, width], data };
}
