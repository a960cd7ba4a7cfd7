// The middle of a picture or latent, cropped to other proportions as ComfyUI does it (`crop: center`).
import { allocate, type Grid } from './grid.ts';

/** Rounds like Python: halves go to the even neighbour. */
export function roundHalfEven(x: number): number {
  const rounded = Math.round(x);
  return Math.abs(x % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** How much to remove on each side so that about `wanted` of `length` remains. */
const margin = (length: number, wanted: number): number =>
  Math.min(roundHalfEven((length - wanted) / 2), (length - 1) >> 1);

/** The largest middle part with that width / height; at least one or two elements remain each way. Throws IMAGE_TOO_LARGE. */
export function cropToAspect(grid: Grid, aspect: number): Grid {
  const { planes, height, width, run, data } = grid;
  const own = width / height;
  const left = own > aspect ? margin(width, width * (aspect / own)) : 0;
  const top = own < aspect ? margin(height, height * (own / aspect)) : 0;
  if (left === 0 && top === 0) return grid;
  const [toHeight, toWidth] = [height - 2 * top, width - 2 * left];
  const cut = allocate(planes, toHeight, toWidth, run);
  for (let row = 0; row < planes * toHeight; row++) {
    const [plane, y] = [Math.floor(row / toHeight), row % toHeight];
    const from = ((plane * height + top + y) * width + left) * run;
    cut.set(data.subarray(from, from + toWidth * run), row * toWidth * run);
  }
  return { planes, height: toHeight, width: toWidth, run, data: cut };
}
