// The rule of GridSample on pictures [N, C, H, W]: each output reads up to four places, and where they are is an input, too.
import { intAttribute, type Node, stringAttribute } from '../onnx/graph.ts';
import type { Value } from './builder.ts';
import {
  add,
  and,
  cast,
  concat,
  expand,
  floor,
  full,
  less,
  mul,
  not,
  reshape,
  round,
  scalar,
  scale,
  slice,
  sub,
  sum,
  where,
} from './ops.ts';
import { gatherElements, scatterElements } from './ops-scatter.ts';
import { type GradientRule, noGradient } from './rule.ts';

/** One axis of the places that are read, all [N, 1, P]. */
interface Coordinates {
  /** The two neighbours (one in mode nearest), as floats that may lie outside. */
  readonly places: readonly Value[];
  /** Weights of the neighbours. */
  readonly weights: readonly Value[];
  /** d place / d grid: 0 where padding "border" holds the place at the edge. */
  readonly slope: Value;
}

/**
 * y[p] = Σ_t w_t(p)·x[place_t(p)]:
 * dx = g·w_t added at place_t;  dgrid = Σ_t dw_t·Σ_c g·x[place_t]
 */
export const gridSampleRule: GradientRule = ({ x: [x, grid], g, node }) => {
  if (x.dims.length !== 4) throw new RangeError('only pictures of two spatial axes have a gradient rule');
  const [n, c, h, w] = x.dims;
  const count = g.dims[2] * g.dims[3];
  const flatGrid = reshape(grid, [n, 1, count, 2]);
  const axis = (i: number, size: number) =>
    coordinates(reshape(slice(flatGrid, 3, i, i + 1), [n, 1, count]), size, node);
  const [across, down] = [axis(0, w), axis(1, h)];
  const picture = reshape(x, [n, c, h * w]);
  const flow = reshape(g, [n, c, count]);
  const taps = down.places.flatMap((row, i) =>
    across.places.map((column, j) => ({ i, j, ...flatPlace({ row, column, h, w }) })),
  );
  const indices = taps.map(({ index }) => expand(index, [n, c, count]));
  const updates = taps.map(({ i, j, inside }) => mul(flow, mul(inside, mul(down.weights[i], across.weights[j]))));
  const zeros = full(x, picture.dims, 0);
  const dx = scatterElements(zeros, concat(indices, 2), concat(updates, 2), { axis: 2, reduction: 'add' });
  if (taps.length === 1) return [reshape(dx, x.dims), noGradient('is rounded in mode nearest')];
  const reads = taps.map(({ inside }, t) => sum(mul(flow, mul(inside, gatherElements(picture, indices[t], 2))), [1]));
  return [reshape(dx, x.dims), reshape(gridGradient(reads, across, down), grid.dims)];
};

/** Moving a place moves weight from the near neighbour to the far one. reads: Σ_c g·x at (row, column) 00, 01, 10, 11. */
function gridGradient([s00, s01, s10, s11]: readonly Value[], across: Coordinates, down: Coordinates): Value {
  const mix = ([near, far]: readonly Value[], a: Value, b: Value) => add(mul(near, a), mul(far, b));
  const dColumn = mul(mix(down.weights, sub(s01, s00), sub(s11, s10)), across.slope);
  const dRow = mul(mix(across.weights, sub(s10, s00), sub(s11, s01)), down.slope);
  const [n, , count] = dColumn.dims;
  return concat(
    [dColumn, dRow].map((v) => reshape(v, [n, count, 1])),
    2,
  );
}

/** From [−1, 1] to places, and what is read around them. */
function coordinates(position: Value, size: number, node: Node): Coordinates {
  const corners = intAttribute(node, 'align_corners', 0) === 1;
  const padding = stringAttribute(node, 'padding_mode', 'zeros');
  if (padding === 'reflection') throw new RangeError('padding_mode "reflection" has no gradient rule');
  const constant = (value: number) => scalar(position, value);
  const perUnit = corners ? (size - 1) / 2 : size / 2;
  const free = add(scale(position, perUnit), constant((size - 1) / 2));
  const [low, high] = [less(free, constant(0)), less(constant(size - 1), free)];
  const held = padding === 'border';
  const at = held ? where(low, constant(0), where(high, constant(size - 1), free)) : free;
  const moves = held ? cast(and(not(low), not(high)), position.type) : constant(1);
  const slope = scale(moves, perUnit);
  const mode = stringAttribute(node, 'mode', 'bilinear');
  if (mode === 'nearest') return { places: [round(at)], weights: [constant(1)], slope };
  if (!mode.endsWith('linear')) throw new RangeError(`mode "${mode}" has no gradient rule`);
  const before = floor(at);
  const part = sub(at, before);
  return { places: [before, add(before, constant(1))], weights: [sub(constant(1), part), part], slope };
}

/** Index in the flattened picture (0 if outside), and 1 inside or 0 outside. */
function flatPlace({ row, column, h, w }: { row: Value; column: Value; h: number; w: number }) {
  const within = (place: Value, size: number) =>
    and(not(less(place, scalar(place, 0))), less(place, scalar(place, size)));
  const inside = and(within(row, h), within(column, w));
  const index = where(inside, add(scale(row, w), column), scalar(row, 0));
  return { index: cast(index, 'int64'), inside: cast(inside, row.type) };
}
