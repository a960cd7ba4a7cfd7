// Pictures and latents as one kind of array, so that the same code crops and resizes both.
import { InputError } from '../errors.ts';

/** Numbers [planes, height, width, run]: IMAGE [B, H, W, C] has B planes and runs of C, LATENT [B, C, h, w] B·C planes and runs of 1. */
export interface Grid {
  readonly planes: number;
  readonly height: number;
  readonly width: number;
  readonly run: number;
  readonly data: Float32Array;
}

/** 2 GiB of float32: more would leave no memory to compute with it. */
const MAX_VALUES = 2 ** 29;

/** Zeros. Throws IMAGE_TOO_LARGE above 2 GiB. */
export function allocate(...shape: readonly number[]): Float32Array {
  const size = shape.reduce((a, b) => a * b, 1);
  if (size > MAX_VALUES)
    throw new InputError(
      'IMAGE_TOO_LARGE',
      `A batch of ${shape.join(' × ')} numbers does not fit: at most ${MAX_VALUES} are allowed; make it smaller.`,
    );
  return new Float32Array(size);
}
