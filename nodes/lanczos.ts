// IMAGE of one size → IMAGE of another as Pillow's Lanczos makes it: in bytes, colours weighted by their alpha.
import { allBytesOf, batchOf } from '../engine/image/batch.ts';
import type { RawImage } from '../engine/image/decode-image.ts';
import { type Pixels, resample } from '../engine/image/resample.ts';
import type { ImageBatch } from './values.ts';

/** Pillow's number of the filter. */
const LANCZOS = 1;

/** Resizes every picture of the batch; the result's values are multiples of 1/255. */
export function lanczos(images: ImageBatch, width: number, height: number): ImageBatch {
  const [, h, w] = images.shape;
  if (w === width && h === height) return images;
  return batchOf(allBytesOf(images).map((image) => lanczosBytes(image, width, height)));
}

function lanczosBytes(image: RawImage, width: number, height: number): RawImage {
  const { channels, data } = image;
  const resize = (channel: (pixel: number, c: number) => number) =>
    resample(planes(image, channel), width, height, LANCZOS).data;
  if (channels === 3) return { data: resize((i, c) => data[i * 3 + c]), width, height, channels };
  if (channels === 1) {
    const grey = resize((i) => data[i]);
    return { data: grey.filter((_, k) => k % 3 === 0), width, height, channels };
  }
  const alpha = resize((i) => data[i * 4 + 3]);
  const colour = resize((i, c) => Math.round((data[i * 4 + c] * data[i * 4 + 3]) / 255));
  const out = new Uint8Array(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    const a = alpha[i * 3];
    for (let c = 0; c < 3; c++)
      out[i * 4 + c] = a === 0 || a === 255 ? colour[i * 3 + c] : Math.min(255, (255 * colour[i * 3 + c]) / a);
    out[i * 4 + 3] = a;
  }
  return { data: out, width, height, channels };
}

/** Three bytes a pixel, each asked for by pixel and channel. */
function planes({ width, height }: RawImage, channel: (pixel: number, c: number) => number): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) data[i * 3 + c] = channel(i, c);
  return { data, width, height };
}
