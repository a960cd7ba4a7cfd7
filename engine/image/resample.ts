// Picture of one size → picture of another, number for number as Pillow does it: the models were trained on its pixels.
// Rows first, then columns; the filter widens with the reduction, so that nothing aliases; 8-bit fixed-point arithmetic.
import { type Taps, tableOf } from './taps.ts';

/** 8 bits a channel, interleaved, row by row: `data` has width · height · 3 bytes. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

interface Filter {
  /** Half width at scale 1, in source pixels. */
  readonly support: number;
  readonly weight: (x: number) => number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Keyed by the number that preprocessor_config.json writes (`resample`); 0 is nearest and has no filter. */
const FILTERS: Record<number, Filter> = {
  1: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) }, // Lanczos
  2: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) }, // bilinear
  3: { support: 2, weight: bicubic },
  4: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) }, // box
  5: { support: 1, weight: hamming },
};

function bicubic(at: number): number {
  const x = Math.abs(at);
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

function hamming(at: number): number {
  const x = Math.abs(at);
  if (x === 0) return 1;
  return x < 1 ? sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x)) : 0;
}

/** Fixed-point digits: 32 bits less 8 of the pixel and 2 for the sum's overshoot. */
const PRECISION = 22;

/** Resizes to `width` × `height` with the filter of that number; unknown numbers mean bilinear. */
export function resample(image: Pixels, width: number, height: number, filter: number): Pixels {
  if (image.width === width && image.height === height) return image;
  if (filter === 0) return nearest(image, width, height);
  const chosen = FILTERS[filter] ?? FILTERS[2];
  const wide = image.width === width ? image : resizeRows(image, width, chosen);
  return wide.height === height ? wide : resizeColumns(wide, height, chosen);
}

/** Pillow's taps: the filter around the centre of each output pixel, its weights as fixed-point numbers. */
const pillowTaps = (from: number, to: number, { support, weight }: Filter): Taps => {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const reach = support * stretch;
  return tableOf(to, (i) => {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const count = Math.min(from, Math.trunc(center + reach + 0.5)) - first;
    const indices = Array.from({ length: count }, (_, k) => first + k);
    const raw = indices.map((k) => weight((k - center + 0.5) / stretch));
    const sum = raw.reduce((a, b) => a + b, 0);
    return { indices, weights: raw.map((w) => toFixedPoint(sum === 0 ? w : w / sum)) };
  });
};

function toFixedPoint(weight: number): number {
  const w = weight * (1 << PRECISION);
  return Math.trunc(w < 0 ? w - 0.5 : w + 0.5);
}

const HALF = 1 << (PRECISION - 1);
const clip8 = (sum: number): number => Math.min(255, Math.max(0, sum >> PRECISION));

function resizeRows({ data, width, height }: Pixels, to: number, filter: Filter): Pixels {
  const { offsets, indices, weights } = pillowTaps(width, to, filter);
  const out = new Uint8Array(to * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < to; x++) {
      let [r, g, b] = [HALF, HALF, HALF];
      for (let k = offsets[x]; k < offsets[x + 1]; k++) {
        const w = weights[k] | 0; // whole numbers, in a table of floats
        const at = (y * width + indices[k]) * 3;
        r += data[at] * w;
        g += data[at + 1] * w;
        b += data[at + 2] * w;
      }
      const at = (y * to + x) * 3;
      out[at] = clip8(r);
      out[at + 1] = clip8(g);
      out[at + 2] = clip8(b);
    }
  }
  return { data: out, width: to, height };
}

function resizeColumns({ data, width, height }: Pixels, to: number, filter: Filter): Pixels {
  const { offsets, indices, weights } = pillowTaps(height, to, filter);
  const row = width * 3;
  const out = new Uint8Array(row * to);
  const sums = new Int32Array(row);
  for (let y = 0; y < to; y++) {
    sums.fill(HALF);
    for (let k = offsets[y]; k < offsets[y + 1]; k++) {
      const w = weights[k] | 0;
      const from = indices[k] * row;
      for (let x = 0; x < row; x++) sums[x] += data[from + x] * w;
    }
    for (let x = 0; x < row; x++) out[y * row + x] = clip8(sums[x]);
  }
  return { data: out, width, height: to };
}

function nearest({ data, width, height }: Pixels, toWidth: number, toHeight: number): Pixels {
  const out = new Uint8Array(toWidth * toHeight * 3);
  for (let y = 0; y < toHeight; y++) {
    const fromY = Math.floor(((y + 0.5) * height) / toHeight);
    for (let x = 0; x < toWidth; x++) {
      const from = (fromY * width + Math.floor(((x + 0.5) * width) / toWidth)) * 3;
      for (let c = 0; c < 3; c++) out[(y * toWidth + x) * 3 + c] = data[from + c];
    }
  }
  return { data: out, width: toWidth, height: toHeight };
}
