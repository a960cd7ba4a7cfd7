// LatentUpscale: latents to another size, by ComfyUI's five methods.
import * as check from '../check.ts';
import { InputError } from '../errors.ts';
import { resizeBislerp } from './bislerp.ts';
import { checkLatent, type Latent } from './latent.ts';
import { tapMethods, tapsOf } from './taps.ts';

export const upscaleMethods = [...tapMethods, 'bislerp'];

export interface UpscaleOptions {
  /** Size of the result in elements of the latent (pixels / 8). */
  readonly width: number;
  readonly height: number;
  readonly method: string;
  /** `center`: cut the source to the result's proportions first; `disabled` (the default): stretch. */
  readonly crop?: string;
}

const MAX_SIDE = 2048;

/** A latent of another size. Throws OPTION_INVALID. */
export function upscaleLatent(latent: Latent, { width, height, method, crop = 'disabled' }: UpscaleOptions): Latent {
  checkLatent(latent);
  check.oneOf('method', method, upscaleMethods);
  check.oneOf('crop', crop, ['disabled', 'center']);
  for (const [name, side] of Object.entries({ width, height })) check.integer(name, side, { min: 1, max: MAX_SIDE });
  const source = crop === 'center' ? cropToAspect(latent, width / height) : latent;
  if (method === 'bislerp') return { ...latent, ...resizeBislerp(source, width, height) };
  const [batch, channels, h, w] = source.shape;
  const rows = tapsOf(method, h, height);
  const columns = tapsOf(method, w, width);
  const data = new Float32Array(batch * channels * height * width);
  for (let plane = 0; plane < batch * channels; plane++) {
    const from = source.data.subarray(plane * h * w, (plane + 1) * h * w);
    const to = data.subarray(plane * height * width, (plane + 1) * height * width);
    rows.forEach((row, y) => {
      columns.forEach((column, x) => {
        let sum = 0;
        row.indices.forEach((ry, i) => {
          column.indices.forEach((cx, j) => {
            sum += row.weights[i] * column.weights[j] * from[ry * w + cx];
          });
        });
        to[y * width + x] = sum;
      });
    });
  }
  return { ...latent, shape: [batch, channels, height, width], data };
}

/** The middle of a latent with these proportions (width / height). */
function cropToAspect(latent: Latent, aspect: number): Latent {
  const [batch, channels, h, w] = latent.shape;
  const left = w / h > aspect ? Math.round((w - w * (aspect / (w / h))) / 2) : 0;
  const top = w / h < aspect ? Math.round((h - h * (w / h / aspect)) / 2) : 0;
  const [height, width] = [h - 2 * top, w - 2 * left];
  if (height < 1 || width < 1)
    throw new InputError(
      'OPTION_INVALID',
      `A latent of ${w}×${h} cannot be cut to such narrow proportions; use crop "disabled".`,
    );
  const data = new Float32Array(batch * channels * height * width);
  for (let plane = 0, to = 0; plane < batch * channels; plane++)
    for (let y = 0; y < height; y++, to += width) {
      const at = (plane * h + top + y) * w + left;
      data.set(latent.data.subarray(at, at + width), to);
    }
  return { ...latent, shape: [batch, channels, height, width], data };
}
