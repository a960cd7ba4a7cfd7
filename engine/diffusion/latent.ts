// ComfyUI's LATENT: pictures as the VAE holds them, unscaled, [B, C, h, w]; how to make an empty one, and its resizing.
import * as check from '../check.ts';
import { InputError } from '../errors.ts';

export interface Latent {
  readonly shape: readonly [batch: number, channels: number, height: number, width: number];
  /** As the VAE's decoder takes it: without the scaling factor. */
  readonly data: Float32Array;
  /** Only on an empty latent: pixels per element that it was made with. It is adapted to the model that samples it. */
  readonly emptyScale?: number;
}

export interface LatentSize {
  /** Pixels; multiples of 8. */
  readonly width: number;
  readonly height: number;
  readonly batch?: number;
  /** Channels of the latent: 4 for Stable Diffusion. */
  readonly channels?: number;
  /** Pixels per element of the latent, each way: 8 for Stable Diffusion. */
  readonly scale?: number;
}

/** The limits of ComfyUI's nodes. */
const MAX_SIDE = 16_384;
const MAX_BATCH = 4096;
/** One gigabyte of numbers. */
const MAX_ELEMENTS = 2 ** 28;

/** Zeros for a picture of that size. Throws OPTION_INVALID for sides that are not multiples of `scale`. */
export function emptyLatent({ width, height, batch = 1, channels = 4, scale = 8 }: LatentSize): Latent {
  for (const [name, side] of Object.entries({ width, height }))
    if (!Number.isInteger(side) || side < scale || side > MAX_SIDE || side % scale !== 0)
      throw check.invalid(name, `a multiple of ${scale} from ${scale} to ${MAX_SIDE}`, side);
  check.integer('batch', batch, { min: 1, max: MAX_BATCH });
  const shape = [batch, channels, height / scale, width / scale] as const;
  if (elements(shape) > MAX_ELEMENTS)
    throw new InputError(
      'OPTION_INVALID',
      `A batch of ${batch} pictures of ${width}×${height} does not fit the memory.`,
    );
  return { shape, data: new Float32Array(elements(shape)), emptyScale: scale };
}

/** The bytes of the latent that `emptyLatent` makes. */
export const bytesOfEmptyLatent = ({ width, height, batch = 1, channels = 4, scale = 8 }: LatentSize): number =>
  4 * batch * channels * (width / scale) * (height / scale);

const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Throws OPTION_INVALID if a latent's data do not match its shape, or its channels are not the model's. */
export function checkLatent({ shape, data }: Latent, channels?: number): void {
  if (shape.length !== 4 || !shape.every((n) => Number.isInteger(n) && n > 0))
    throw check.invalid('The latent', 'of shape [batch, channels, height, width]', shape);
  if (data.length !== elements(shape))
    throw check.invalidCount('The latent', `${elements(shape)} numbers to fill its shape [${shape}]`, data.length);
  if (channels !== undefined && shape[1] !== channels)
    throw check.invalidCount('A latent for this model', `${channels} channels`, shape[1]);
}
