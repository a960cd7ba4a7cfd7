// IMAGE of one size → IMAGE of another, by ComfyUI's methods: PyTorch's interpolate, and Pillow's Lanczos.
import type { ImageBatch } from '../engine/image/batch.ts';
import { cropToAspect } from '../engine/image/crop.ts';
import type { Grid } from '../engine/image/grid.ts';
import { interpolate, interpolationMethods } from '../engine/image/interpolate.ts';
import { lanczos } from './lanczos.ts';

export const resizeMethods = [...interpolationMethods, 'lanczos'] as const;
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
  const whole = toGrid(images);
  const source = crop === 'center' ? cropToAspect(whole, width / height) : whole;
  if (method === 'lanczos') return lanczos(toBatch(source), width, height);
  return toBatch(interpolate(source, width, height, method));
}

/** About the bytes that it takes to resize a batch: the result, and the picture that is resized one way only. */
export function bytesToResize(
  { shape }: ImageBatch,
  { width, height }: Pick<ResizeOptions, 'width' | 'height'>,
): number {
  const [batch, fromHeight, , channels] = shape;
  return 4 * batch * channels * width * (height + fromHeight);
}

const toGrid = ({ shape: [planes, height, width, run], data }: ImageBatch): Grid => ({
  planes,
  height,
  width,
  run,
  data,
});

const toBatch = ({ planes, height, width, run, data }: Grid): ImageBatch => ({
  shape: [planes, height, width, run],
  data,
});
