// ComfyUI's `bislerp`: bilinear resizing in which neighbours, taken as vectors over the channels, are turned into each other (Shoemake's
// spherical interpolation) instead of averaged, so that latents keep their length.
import { interpolationTaps } from '../image/interpolate.ts';
import type { Latent } from './latent.ts';

/** Resizes along the width, then along the height. */
export function resizeBislerp(latent: Latent, width: number, height: number): Latent {
  return resizeAxis(resizeAxis(latent, 3, width), 2, height);
}

function resizeAxis({ shape, data }: Latent, axis: 2 | 3, length: number): Latent {
  const [batch, channels, h, w] = shape;
  const from = axis === 3 ? w : h;
  const [height, width] = axis === 3 ? [h, length] : [length, w];
  const result = new Float32Array(batch * channels * height * width);
  const { indices, weights } = interpolationTaps('bilinear', from, length); // two for each element
  const [a, b] = [new Float64Array(channels), new Float64Array(channels)];
  for (let item = 0; item < batch; item++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const first = 2 * (axis === 3 ? x : y);
        const at = (index: number, c: number) =>
          data[((item * channels + c) * h + (axis === 3 ? y : index)) * w + (axis === 3 ? index : x)];
        for (let c = 0; c < channels; c++) [a[c], b[c]] = [at(indices[first], c), at(indices[first + 1], c)];
        slerp(a, b, weights[first + 1]).forEach((value, c) => {
          result[((item * channels + c) * height + y) * width + x] = value;
        });
      }
  return { shape: [batch, channels, height, width], data: result };
}

/** The direction turned by the share r of the angle between a and b; the length in between. Nearly opposite: straight through. */
function slerp(a: Float64Array, b: Float64Array, r: number): Float64Array {
  const [lengthA, lengthB] = [Math.hypot(...a), Math.hypot(...b)];
  const unit = (v: Float64Array, length: number) => (length > 0 ? v.map((x) => x / length) : v);
  const [p, q] = [unit(a, lengthA), unit(b, lengthB)];
  const cosine = p.reduce((sum, x, i) => sum + x * q[i], 0);
  if (cosine > 1 - 1e-5) return a;
  if (cosine < 1e-5 - 1) return a.map((x, i) => (1 - r) * x + r * b[i]);
  const angle = Math.acos(cosine);
  const length = (1 - r) * lengthA + r * lengthB;
  const [s, t] = [Math.sin((1 - r) * angle) / Math.sin(angle), Math.sin(r * angle) / Math.sin(angle)];
  return p.map((x, i) => length * (s * x + t * q[i]));
}
