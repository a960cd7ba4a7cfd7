// Rules of look-ups. What was read from a place flows back to it, added up where it was read more than once:
// g times a 0/1 matrix, which works in every opset and element type.
import { intAttribute } from '../onnx/graph.ts';
import { sizeOf } from '../onnx/tensor.ts';
import type { Value } from './builder.ts';
import {
  add,
  cast,
  concat,
  equal,
  fromFront,
  ints,
  less,
  matmul,
  mul,
  range,
  reshape,
  scalar,
  sub,
  sum,
  where,
} from './ops.ts';
import { type GradientRule, noGradient } from './rule.ts';

/** y = data[.., indices, ..] along an axis. */
export const gatherRule: GradientRule = ({ x: [data, indices], g, node }) => {
  const [axis] = fromFront([intAttribute(node, 'axis', 0)], data.dims.length);
  const n = sizeOf(indices.dims);
  const flat = reshape(g, [...data.dims.slice(0, axis), n, ...data.dims.slice(axis + 1)]);
  return [scatterAdd(flat, reshape(indices, [n]), axis, data.dims[axis]), null];
};

/** Zeros with `size` along the axis, to which g's slices are added at `indices` [n] (from the end where negative). */
export function scatterAdd(g: Value, indices: Value, axis: number, size: number): Value {
  const n = g.dims[axis];
  const before = g.dims.slice(0, axis);
  const after = g.dims.slice(axis + 1);
  const places = oneHot(indices, size, g); // [size, n]
  const moved = reshape(g, [sizeOf(before), n, sizeOf(after)]);
  return reshape(matmul(places, moved), [...before, size, ...after]);
}

/** [size, n]: 1 where row = indices[column]. */
function oneHot(indices: Value, size: number, like: Value): Value {
  const rows = reshape(ints(like, range(size)), [size, 1]);
  return cast(equal(rows, wrap(indices, size)), like.type);
}

/** Indices from the end as indices from the front, int64. */
function wrap(indices: Value, size: number): Value {
  const wide = cast(indices, 'int64');
  return where(less(wide, scalar(wide, 0)), add(wide, scalar(wide, size)), wide);
}

/** y[p, q, ..] = data[p, indices[p, q], ..], where indices' last axis addresses k axes of data. */
export const gatherNdRule: GradientRule = ({ x: [data, indices], g, node }) => {
  const batch = intAttribute(node, 'batch_dims', 0);
  const k = indices.dims.at(-1)!;
  const outer = sizeOf(data.dims.slice(0, batch));
  const addressed = data.dims.slice(batch, batch + k);
  const rest = sizeOf(data.dims.slice(batch + k));
  const n = sizeOf(indices.dims.slice(0, -1)) / outer;
  // Row-major position of each addressed place, over the batch too.
  const strides = addressed.map((_, i) => sizeOf(addressed.slice(i + 1)));
  const wide = reshape(cast(indices, 'int64'), [outer * n, k]);
  const wrapped = where(less(wide, scalar(wide, 0)), add(wide, ints(wide, addressed)), wide);
  const inBatch = reshape(sum(mul(wrapped, ints(wide, strides)), [1]), [outer * n]);
  const offsets = ints(
    wide,
    range(outer * n).map((i) => Math.floor(i / n) * sizeOf(addressed)),
  );
  const flat = scatterAdd(reshape(g, [outer * n, rest]), add(inBatch, offsets), 0, outer * sizeOf(addressed));
  return [reshape(flat, data.dims), null];
};

/** y[i, j] = data[i, indices[i, j]] along an axis, elementwise in the others. */
export const gatherElementsRule: GradientRule = ({ x: [data, indices], g, node }) => {
  const [axis] = fromFront([intAttribute(node, 'axis', 0)], data.dims.length);
  const others = (dims: readonly number[]) => dims.filter((_, i) => i !== axis);
  if (String(others(data.dims)) !== String(others(indices.dims))) {
    throw new RangeError(`its indices [${indices.dims}] cover data [${data.dims}] in part, which has no gradient rule`);
  }
  // [.., n, ..] → [.., n, size, ..]: 1 where the element was read from that place; summed over n.
  const size = data.dims[axis];
  const widen = (v: Value) => reshape(v, [...v.dims.slice(0, axis + 1), 1, ...v.dims.slice(axis + 1)]);
  const rows = reshape(ints(data, range(size)), [size, ...data.dims.slice(axis + 1).map(() => 1)]);
  const places = cast(equal(widen(wrap(indices, size)), rows), g.type);
  return [reshape(sum(mul(widen(g), places), [axis]), data.dims), null];
};

/** y = values[1] at the indices along an axis, values[0] elsewhere:  dvalues = [Σ g − hot, hot], hot = Σ g at the indices */
export const oneHotRule: GradientRule = ({ x: [indices, depth, values], y: [y], g, node }) => {
  const ones = values.graph.constant(values.type, [2], [0, 1]);
  const places = values.graph.add('OneHot', {
    inputs: [indices, depth, ones],
    dims: y.dims,
    type: values.type,
    attributes: { axis: intAttribute(node, 'axis', -1) },
  });
  const total = (v: Value) => reshape(sum(v, range(v.dims.length)), [1]);
  const hot = total(mul(g, places));
  const [where, size] = [noGradient('says where the ones stand'), noGradient('says how many places there are')];
  return [where, size, concat([sub(total(g), hot), hot], 0)];
};
