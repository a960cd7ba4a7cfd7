// ComfyUI's LATENT: pictures as the VAE holds them, unscaled, [B, C, h, w]; how to make an empty one, and its resizing.
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
      throw new InputError(
        'OPTION_INVALID',
        `The ${name} of the picture is ${side}; a multiple of ${scale} from ${scale} to ${MAX_SIDE} is needed.`,
      );
  if (!Number.isInteger(batch) || batch < 1 || batch > MAX_BATCH)
    throw new InputError('OPTION_INVALID', `The batch is ${batch}; a whole number from 1 to ${MAX_BATCH} is needed.`);
  const shape = [batch, channels, height / scale, width / scale] as const;
  if (elements(shape) > MAX_ELEMENTS)
    throw new InputError(
      'OPTION_INVALID',
      `A batch of ${batch} pictures of ${width}×${height} does not fit the memory.`,
    );
  return { shape, data: new Float32Array(elements(shape)), emptyScale: scale };
}

const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Throws OPTION_INVALID if a latent's data do not match its shape, or its channels are not the model's. */
export function checkLatent({ shape, data }: Latent, channels?: number): void {
  const sound =
    shape.length === 4 && shape.every((n) => Number.isInteger(n) && n > 0) && data.length === elements(shape);
  if (!sound)
    throw new InputError(
      'OPTION_INVALID',
      `The latent says it is [${shape}] and holds ${data.length} numbers; [batch, channels, height, width] is needed.`,
    );
  if (channels !== undefined && shape[1] !== channels)
    throw new InputError(
      'OPTION_INVALID',
      `The latent has ${shape[1]} channels and the model takes ${channels}: it comes from another kind of model.`,
    );
}
