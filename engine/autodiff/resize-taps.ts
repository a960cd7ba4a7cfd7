// One axis of an ONNX Resize → the matrix of its taps [out, in]. Resize is linear along each axis by itself, so this is
// all of it. Computed as onnxruntime does, in float32, since rounding may decide which place is read.
import { floatAttribute, intAttribute, type Node, stringAttribute } from '../onnx/graph.ts';

const f = Math.fround;

export interface ResizeAxis {
  readonly from: number;
  readonly to: number;
  /** to/from, as the node has it. */
  readonly scale: number;
  /** Region of interest, as fractions of the axis: only for tf_crop_and_resize. */
  readonly roi: readonly [start: number, end: number];
}

/** What is read, not yet clamped to the input, and its weight. */
type Tap = [place: number, weight: number];

/** Row-major [to, from]: what each output reads. Throws RangeError for what has no taps here. */
export function resizeTaps(node: Node, axis: ResizeAxis): Float64Array {
  const taps = new Float64Array(axis.to * axis.from);
  const crop = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel') === 'tf_crop_and_resize';
  for (let o = 0; o < axis.to; o++) {
    const at = axis.scale === 1 ? o : originalPlace(node, o, axis);
    if (crop && (at < 0 || at > axis.from - 1)) continue; // extrapolation_value, which does not depend on x
    for (const [place, weight] of tapsAt(node, at, axis)) {
      taps[o * axis.from + Math.min(Math.max(place, 0), axis.from - 1)] += weight;
    }
  }
  return taps;
}

/** The place in the input, between two elements as a rule, that output o stands for. */
function originalPlace(node: Node, o: number, { from, to, scale, roi: [start, end] }: ResizeAxis): number {
  const mode = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel');
  switch (mode) {
    case 'half_pixel':
      return f(f((o + 0.5) / scale) - 0.5);
    case 'pytorch_half_pixel':
      return to > 1 ? f(f((o + 0.5) / scale) - 0.5) : 0;
    case 'half_pixel_symmetric': {
      const adjustment = f(to / f(scale * from));
      return f(f((from / 2) * f(1 - adjustment)) + (o + 0.5) / scale - 0.5);
    }
    case 'asymmetric':
      return f(o / scale);
    case 'tf_half_pixel_for_nn':
      return f((o + 0.5) / scale);
    case 'align_corners':
      return to === 1 ? 0 : f((o * (from - 1)) / (to - 1));
    case 'tf_crop_and_resize':
      if (to === 1) return f(0.5 * f(start + end) * (from - 1));
      return f(f(start * (from - 1)) + f(f(f(o * f(end - start)) * (from - 1)) / (to - 1)));
    default:
      throw new RangeError(`coordinate_transformation_mode "${mode}" has no gradient rule`);
  }
}

/** The places that are read, not yet clamped to the input, and their weights. */
function tapsAt(node: Node, at: number, axis: ResizeAxis): Tap[] {
  const mode = stringAttribute(node, 'mode', 'nearest');
  const { from } = axis;
  if (mode === 'nearest') return [[nearestPlace(node, at), 1]];
  if (intAttribute(node, 'antialias', 0)) return smoothTaps(node, at, axis);
  if (mode === 'linear') {
    const inside = Math.max(0, Math.min(at, from - 1));
    const low = Math.floor(inside);
    return [
      [low, 1 - (inside - low)],
      [low + 1, inside - low],
    ];
  }
  if (mode === 'cubic') return cubicTaps(node, at, from);
  throw new RangeError(`mode "${mode}" has no gradient rule`);
}

/** onnxruntime takes a place this close to the middle of two for the middle, since scales are rounded to float32. */
const TIE = 1e-6;

function nearestPlace(node: Node, at: number): number {
  const mode = stringAttribute(node, 'nearest_mode', 'round_prefer_floor');
  if (mode === 'floor') return Math.floor(at);
  if (mode === 'ceil') return Math.ceil(at);
  const low = Math.floor(at);
  if (Math.abs(at - low - 0.5) <= TIE) return mode === 'round_prefer_ceil' ? low + 1 : low;
  return Math.round(at);
}

/** Keys' cubic convolution: four taps around `at`. */
function cubicTaps(node: Node, at: number, from: number): Tap[] {
  const kernel = keys(floatAttribute(node, 'cubic_coeff_a', -0.75));
  const low = Math.floor(at);
  const taps = [-1, 0, 1, 2].map((k): Tap => [low + k, kernel(low + k - at)]);
  return intAttribute(node, 'exclude_outside', 0) ? normalised(taps, from) : taps;
}

/** With antialias: the kernel is as wide as what one output stands for, and its weights add up to 1. */
function smoothTaps(node: Node, at: number, { from, scale }: ResizeAxis): Tap[] {
  const cubic = stringAttribute(node, 'mode', 'nearest') === 'cubic';
  const kernel = cubic
    ? keys(floatAttribute(node, 'cubic_coeff_a', -0.75))
    : (d: number) => Math.max(0, 1 - Math.abs(d));
  const width = Math.max(1, f(1 / scale));
  const reach = (cubic ? 2 : 1) * width;
  const first = Math.floor(at + 1 - reach);
  const last = Math.floor(at + 1 + reach);
  const taps = Array.from({ length: last - first }, (_, k): Tap => [first + k, kernel((first + k - at) / width)]);
  return normalised(taps, intAttribute(node, 'exclude_outside', 0) ? from : undefined);
}

/** Keys' cubic kernel. */
const keys =
  (a: number) =>
  (distance: number): number => {
    const d = Math.abs(distance);
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
  };

/** Weights that add up to 1; of those inside an axis of size `from` alone, if given. */
function normalised(taps: readonly Tap[], from?: number): Tap[] {
  const inside = from !== undefined ? taps.filter(([place]) => place >= 0 && place < from) : taps;
  const total = inside.reduce((sum, [, weight]) => sum + weight, 0);
  return inside.map(([place, weight]) => [place, weight / total]);
}
