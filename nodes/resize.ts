// IMAGE of one size → IMAGE of another, with ComfyUI's methods: PyTorch's interpolate, and Pillow's Lanczos.
// Each is a sum over few source rows, then over few source columns, with the weights of a table.
import { makeBatch } from './image-bytes.ts';
import { lanczos } from './lanczos.ts';
import type { ImageBatch } from './values.ts';

export const resizeMethods = ['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos'] as const;
export type ResizeMethod = (typeof resizeMethods)[number];

export interface ResizeOptions {
  readonly width: number;
  readonly height: number;
  readonly method: ResizeMethod;
  /** center: cut to the new shape first, so that nothing is stretched. */
  readonly crop: 'disabled' | 'center';
}

/** Resizes every picture of the batch. Throws IMAGE_TOO_LARGE. */
export function resizeBatch(images: ImageBatch, { width, height, method, crop }: ResizeOptions): ImageBatch {
  const source = crop === 'center' ? cropToAspect(images, width / height) : images;
  const [, h, w] = source.shape;
  if (method === 'lanczos') return lanczos(source, width, height);
  const wide = w === width ? source : resizeAxis(source, 2, width, tapsOf(method, w, width));
  return h === height ? wide : resizeAxis(wide, 1, height, tapsOf(method, h, height));
}

/** Cuts the middle out, as wide or as high as it may be at that width / height. */
function cropToAspect(images: ImageBatch, aspect: number): ImageBatch {
  const [, height, width] = images.shape;
  const own = width / height;
  const x = own > aspect ? roundHalfEven((width - width * (aspect / own)) / 2) : 0;
  const y = own < aspect ? roundHalfEven((height - height * (own / aspect)) / 2) : 0;
  return cut(images, { x, y, width: width - 2 * x, height: height - 2 * y });
}

/** As Python rounds. */
export function roundHalfEven(x: number): number {
  const rounded = Math.round(x);
  return Math.abs(x % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

function cut(images: ImageBatch, box: { x: number; y: number; width: number; height: number }): ImageBatch {
  const [batch, height, width, channels] = images.shape;
  if (box.width === width && box.height === height) return images;
  const out = makeBatch([batch, box.height, box.width, channels]);
  for (let row = 0; row < batch * box.height; row++) {
    const [b, y] = [Math.floor(row / box.height), row % box.height];
    const from = ((b * height + y + box.y) * width + box.x) * channels;
    out.data.set(images.data.subarray(from, from + box.width * channels), row * box.width * channels);
  }
  return out;
}

/** For an output position: source positions and their weights. */
type Taps = (at: number) => readonly (readonly [from: number, weight: number])[];

function tapsOf(method: Exclude<ResizeMethod, 'lanczos'>, from: number, to: number): Taps {
  const scale = from / to;
  const inside = (i: number) => Math.min(from - 1, Math.max(0, i));
  const center = (at: number) => (at + 0.5) * scale - 0.5;
  switch (method) {
    case 'nearest-exact':
      return (at) => [[inside(Math.floor((at + 0.5) * scale)), 1]];
    case 'bilinear':
      return (at) => {
        const x = Math.max(0, center(at));
        const first = Math.floor(x);
        return [
          [inside(first), 1 - (x - first)],
          [inside(first + 1), x - first],
        ];
      };
    case 'bicubic':
      return (at) => {
        const first = Math.floor(center(at));
        return [-1, 0, 1, 2].map((k) => [inside(first + k), cubic(center(at) - first - k)] as const);
      };
    case 'area':
      return (at) => {
        const first = Math.floor((at * from) / to);
        const end = Math.ceil(((at + 1) * from) / to);
        return Array.from({ length: end - first }, (_, k) => [first + k, 1 / (end - first)] as const);
      };
  }
}

/** Keys' kernel with a = −0.75, as PyTorch. */
function cubic(distance: number): number {
  const a = -0.75;
  const x = Math.abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/** Resizes along axis 1 (height) or 2 (width) of [B, H, W, C] to `to`. */
function resizeAxis(images: ImageBatch, axis: 1 | 2, to: number, taps: Taps): ImageBatch {
  const { shape, data } = images;
  const from = shape[axis];
  // Numbers that stay together: a pixel when columns change, a row of pixels when rows do.
  const run = axis === 2 ? shape[3] : shape[2] * shape[3];
  const outer = axis === 2 ? shape[0] * shape[1] : shape[0];
  const out = makeBatch(axis === 2 ? [shape[0], shape[1], to, shape[3]] : [shape[0], to, shape[2], shape[3]]);
  const table = Array.from({ length: to }, (_, at) => taps(at));
  for (let o = 0; o < outer; o++)
    for (let at = 0; at < to; at++) {
      const target = (o * to + at) * run;
      for (const [source, weight] of table[at]) {
        const start = (o * from + source) * run;
        for (let k = 0; k < run; k++) out.data[target + k] += weight * data[start + k];
      }
    }
  return out;
}
