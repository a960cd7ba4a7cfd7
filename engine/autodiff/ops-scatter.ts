// The words for places: reading from, writing to and finding them by index.
import type { Node } from '../onnx/graph.ts';
import type { Value } from './builder.ts';
import { ints } from './ops.ts';

/** data with updates written (or, from opset 16 on, added) at indices along an axis. */
export function scatterElements(
  data: Value,
  indices: Value,
  updates: Value,
  { axis, reduction }: { axis: number; reduction?: 'add' },
): Value {
  const attributes = { axis, ...(reduction && { reduction }) };
  return data.graph.add('ScatterElements', { inputs: [data, indices, updates], dims: data.dims, attributes });
}

/** data[.., indices[..], ..] along an axis, elementwise in the others. */
export const gatherElements = (data: Value, indices: Value, axis: number): Value =>
  data.graph.add('GatherElements', { inputs: [data, indices], dims: indices.dims, attributes: { axis } });

/** data with updates written at the places that the last axis of indices addresses. */
export const scatterNd = (data: Value, indices: Value, updates: Value): Value =>
  data.graph.add('ScatterND', { inputs: [data, indices, updates], dims: data.dims });

/** The elements of data at the places that the last axis of indices addresses. */
export function gatherNd(data: Value, indices: Value): Value {
  const dims = [...indices.dims.slice(0, -1), ...data.dims.slice(indices.dims.at(-1)!)];
  return data.graph.add('GatherND', { inputs: [data, indices], dims });
}

/** Index of the first maximum along an axis, which stays with size 1. */
export function argMax(x: Value, axis: number): Value {
  const dims = x.dims.map((d, i) => (i === axis ? 1 : d));
  return x.graph.add('ArgMax', { inputs: [x], dims, type: 'int64', attributes: { axis, keepdims: 1 } });
}

/** The places of a MaxPool node's maxima, in x as one long row. Runs the node once more. */
export function maxPoolIndices(x: Value, node: Node, dims: readonly number[]): Value {
  const outputs = [x.graph.fresh('MaxPool'), x.graph.fresh('MaxPool')];
  const attributes = new Map([...node.attributes].filter(([name]) => name !== 'storage_order'));
  x.graph.nodes.push({ op: 'MaxPool', domain: '', name: outputs[0], inputs: [x.name], outputs, attributes });
  return { name: outputs[1], type: 'int64', dims, graph: x.graph };
}

/** Along one axis: every step-th place, from start on. */
export interface Strided {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
}

/** x[start::step] along each of some axes. */
export function everyNth(x: Value, along: readonly Strided[]): Value {
  if (along.every(({ step }) => step === 1)) return x;
  const dims = x.dims.map((d, i) => {
    const by = along.find(({ axis }) => axis === i);
    return by ? Math.max(0, Math.ceil((d - by.start) / by.step)) : d;
  });
  const list = (values: readonly number[]) => ints(x, values);
  const ends = list(along.map(({ axis }) => x.dims[axis]));
  const inputs = [
    x,
    list(along.map((a) => a.start)),
    ends,
    list(along.map((a) => a.axis)),
    list(along.map((a) => a.step)),
  ];
  return x.graph.add('Slice', { inputs, dims });
}
