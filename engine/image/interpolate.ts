// Resizing as PyTorch's `interpolate` does it: along the width, then along the height.
import { allocate, type Grid } from './grid.ts';
import { type ElementTaps, type Taps, tableOf } from './taps.ts';

/** (position in the result, source length, result length) → its taps. One more method: one line here. */
const METHODS = { 'nearest-exact': nearestExact, bilinear, area, bicubic };

export type InterpolationMethod = keyof typeof METHODS;

export const interpolationMethods = Object.keys(METHODS) as readonly InterpolationMethod[];

/** The taps of each element of a result of length `to`. */
export const interpolationTaps = (method: InterpolationMethod, from: number, to: number): Taps =>
  tableOf(to, (i) => METHODS[method](i, from, to));

/** A grid of another size. Throws IMAGE_TOO_LARGE. */
export function interpolate(grid: Grid, width: number, height: number, method: InterpolationMethod): Grid {
  const { planes, run } = grid;
  const wide =
    grid.width === width
      ? grid.data
      : resizeAxis(grid.data, { outer: planes * grid.height, from: grid.width, to: width, inner: run, method });
  const data =
    grid.height === height
      ? wide
      : resizeAxis(wide, { outer: planes, from: grid.height, to: height, inner: width * run, method });
  return { planes, height, width, run, data };
}

interface Axis {
  readonly outer: number;
  readonly from: number;
  readonly to: number;
  readonly inner: number;
  readonly method: InterpolationMethod;
}

/** [outer, from, inner] → [outer, to, inner] */
function resizeAxis(data: Float32Array, { outer, from, to, inner, method }: Axis): Float32Array {
  const { offsets, indices, weights } = interpolationTaps(method, from, to);
  const out = allocate(outer, to, inner);
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < to; i++) {
      const target = (o * to + i) * inner;
      for (let k = offsets[i]; k < offsets[i + 1]; k++) {
        const start = (o * from + indices[k]) * inner;
        const weight = weights[k];
        for (let j = 0; j < inner; j++) out[target + j] += weight * data[start + j];
      }
    }
  return out;
}

function nearestExact(i: number, from: number, to: number): ElementTaps {
  return { indices: [Math.floor(((i + 0.5) * from) / to)], weights: [1] };
}

function bilinear(i: number, from: number, to: number): ElementTaps {
  const at = Math.max(((i + 0.5) * from) / to - 0.5, 0);
  const low = Math.min(Math.floor(at), from - 1);
  const part = at - low;
  return { indices: [low, Math.min(low + 1, from - 1)], weights: [1 - part, part] };
}

/** The mean of all elements that it covers, even partly (adaptive average pooling). */
function area(i: number, from: number, to: number): ElementTaps {
  const start = Math.floor((i * from) / to);
  const count = Math.ceil(((i + 1) * from) / to) - start;
  return { indices: Array.from({ length: count }, (_, k) => start + k), weights: Array(count).fill(1 / count) };
}

/** Keys' cubic convolution with a = −0.75, as in PyTorch; edges repeat. */
function bicubic(i: number, from: number, to: number): ElementTaps {
  const a = -0.75;
  const near = (x: number) => ((a + 2) * x - (a + 3)) * x * x + 1;
  const far = (x: number) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  const at = ((i + 0.5) * from) / to - 0.5;
  const low = Math.floor(at);
  const part = at - low;
  return {
    indices: [-1, 0, 1, 2].map((k) => Math.min(Math.max(low + k, 0), from - 1)),
    weights: [far(part + 1), near(part), near(1 - part), far(2 - part)],
  };
}
