// LatentUpscale: latents to another size, by ComfyUI's five methods.
import * as check from '../check.ts';
import { cropToAspect } from '../image/crop.ts';
import type { Grid } from '../image/grid.ts';
import { type InterpolationMethod, interpolate, interpolationMethods } from '../image/interpolate.ts';
import { resizeBislerp } from './bislerp.ts';
import { checkLatent, type Latent } from './latent.ts';

export const upscaleMethods = [...interpolationMethods, 'bislerp'] as const;

export interface UpscaleOptions {
  /** Size of the result in elements of the latent (pixels / 8). */
  readonly width: number;
  readonly height: number;
  readonly method: string;
  /** `center`: cut the source to the result's proportions first; `disabled` (the default): stretch. */
  readonly crop?: string;
}

const MAX_SIDE = 2048;

/** A latent of another size. Throws OPTION_INVALID, IMAGE_TOO_LARGE. */
export function upscaleLatent(latent: Latent, { width, height, method, crop = 'disabled' }: UpscaleOptions): Latent {
  checkLatent(latent);
  check.oneOf('method', method, upscaleMethods);
  check.oneOf('crop', crop, ['disabled', 'center']);
  for (const [name, side] of Object.entries({ width, height })) check.integer(name, side, { min: 1, max: MAX_SIDE });
  const whole = toGrid(latent);
  const source = crop === 'center' ? cropToAspect(whole, width / height) : whole;
  const resized =
    method === 'bislerp'
      ? resizeBislerp(toLatent(source, latent), width, height)
      : toLatent(interpolate(source, width, height, method as InterpolationMethod), latent);
  return { ...latent, ...resized };
}

const toGrid = ({ shape: [batch, channels, height, width], data }: Latent): Grid => ({
  planes: batch * channels,
  height,
  width,
  run: 1,
  data,
});

/** A grid with the batch and channels of a latent. */
const toLatent = ({ height, width, data }: Grid, { shape: [batch, channels] }: Latent): Latent => ({
  shape: [batch, channels, height, width],
  data,
});
