// Whether a graph that was exported for a batch of one computes any batch: it does if the batch stays the first axis of every value that
// depends on the input, and nothing is written down for one row only. What is not known to keep it is taken not to.
import { intAttribute, intsAttribute, type Model, type Node } from '../onnx/graph.ts';
import type { StoredGraph } from '../onnx/read-graph.ts';
import { readsOf } from '../onnx/sub-graphs.ts';
import { type Tensor, toNumbers } from '../onnx/tensor.ts';

/** Ops that work on each number, or on the axes after the first; constants that they read broadcast over the batch. */
const KEEPS = new Set(
  (
    'Identity Cast Add Sub Mul Div Pow Where Neg Abs Sqrt Exp Log Reciprocal Tanh Sigmoid Relu Erf Gelu Clip Min Max Equal Greater Less Not And Or ' +
    'GreaterOrEqual LessOrEqual MatMul Conv GlobalAveragePool IsNaN'
  ).split(' '),
);
/** Ops that are the same for each row if the axis they work along is not the first. */
const ALONG_AXIS: Readonly<Record<string, number>> = {
  Softmax: -1,
  LayerNormalization: -1,
  RMSNormalization: -1,
  ArgMax: 0,
  Split: 0,
  LpNormalization: -1,
};

/** Whether the batch of `input`, its first axis, may be any number. */
export function isBatchFirst(
  { model, weights }: StoredGraph,
  input: { readonly name: string; readonly dims: readonly unknown[] },
): boolean {
  /** Values that depend on the input → their rank, where it is known. */
  const ranks = new Map<string, number>([[input.name, input.dims.length]]);
  const dimsOf = (name: string) => model.constants.get(name)?.dims ?? weights.get(name)?.dims;
  for (const node of model.nodes) {
    const carried = readsOf(node).filter((name) => ranks.has(name));
    if (carried.length === 0) continue;
    const rank = rankAfter(node, { ranks, carried, dimsOf, model });
    if (rank === undefined) return false;
    for (const output of node.outputs) if (output) ranks.set(output, rank);
  }
  return true;
}

interface Known {
  readonly ranks: ReadonlyMap<string, number>;
  /** Inputs of the node that have the batch. */
  readonly carried: readonly string[];
  readonly dimsOf: (name: string) => readonly number[] | undefined;
  readonly model: Model;
}

/** Rank of the node's result, if that has the batch as its first axis, too; undefined otherwise. */
function rankAfter(node: Node, known: Known): number | undefined {
  const { ranks, carried, dimsOf } = known;
  const rank = Math.max(...carried.map((name) => ranks.get(name)!));
  if (node.domain !== '' || carried.some((name) => ranks.get(name) !== rank)) return undefined;
  // A constant of the same rank must not be made for one batch size: its first axis has to broadcast.
  const others = node.inputs.filter((name) => name && !ranks.has(name));
  if (others.some((name) => dimsOf(name) === undefined)) return undefined;
  const broadcasts = others.every((name) => dimsOf(name)!.length < rank || dimsOf(name)![0] === 1);
  if (node.op === 'Conv') return carried[0] === node.inputs[0] && carried.length === 1 ? rank : undefined;
  if (node.op === 'MatMul' && !isProductOfRows(node, rank, known)) return undefined;
  if (KEEPS.has(node.op)) return broadcasts && others.every((n) => dimsOf(n)!.length <= rank) ? rank : undefined;
  if (node.op in ALONG_AXIS)
    return isLaterAxis(intAttribute(node, 'axis', ALONG_AXIS[node.op]), rank) ? afterAxis(node, rank) : undefined;
  return OTHERS[node.op]?.(node, rank, known);
}

/** Whether a product is one for each row. It sums over the first axis of a second factor that is a matrix, and over the only one of a vector. */
function isProductOfRows({ inputs: [a, b] }: Node, rank: number, { ranks, dimsOf }: Known): boolean {
  if (!ranks.has(a)) return false;
  return ranks.has(b) ? rank > 2 : dimsOf(b)!.length > 1;
}

const isLaterAxis = (axis: number, rank: number): boolean => (axis < 0 ? axis + rank : axis) > 0;

const afterAxis = (node: Node, rank: number): number =>
  node.op === 'ArgMax' && intAttribute(node, 'keepdims', 1) === 0 ? rank - 1 : rank;

const numbers = (t: Tensor | undefined): readonly number[] | undefined => t && toNumbers(t);

/** The rest: rank afterwards, or undefined. */
const OTHERS: Readonly<Record<string, (node: Node, rank: number, known: Known) => number | undefined>> = {
  // Rows of a table: as many axes more as a row has.
  Gather: (node, rank, { ranks, dimsOf }) => {
    const axis = intAttribute(node, 'axis', 0);
    if (!ranks.has(node.inputs[0])) return axis === 0 ? rank + dimsOf(node.inputs[0])!.length - 1 : undefined;
    if (ranks.has(node.inputs[1]) || !isLaterAxis(axis, rank)) return undefined;
    return rank - 1 + dimsOf(node.inputs[1])!.length;
  },
  Transpose: (node, rank) => (intsAttribute(node, 'perm')?.[0] === 0 ? rank : undefined),
  Reshape: (node, _, { model }) => {
    const target = numbers(model.constants.get(node.inputs[1]));
    const keeps = target?.[0] === 0 && intAttribute(node, 'allowzero', 0) === 0;
    return keeps ? target.length : undefined;
  },
  Flatten: (node) => (intAttribute(node, 'axis', 1) === 1 ? 2 : undefined),
  Unsqueeze: (node, rank, { model }) => {
    const axes = numbers(model.constants.get(node.inputs[1]));
    return axes?.every((axis) => axis > 0) ? rank + axes.length : undefined;
  },
  Squeeze: (node, rank, { model }) => {
    const axes = numbers(model.constants.get(node.inputs[1]));
    return axes?.every((axis) => isLaterAxis(axis, rank)) ? rank - axes.length : undefined;
  },
  ReduceMean: reduced,
  ReduceSum: reduced,
  ReduceL2: reduced,
  Slice: (node, rank, { model }) => {
    const axes = numbers(model.constants.get(node.inputs[3] ?? ''));
    return axes?.every((axis) => isLaterAxis(axis, rank)) ? rank : undefined;
  },
  Attention: (node, rank, { ranks }) => {
    const [, ...caches] = node.outputs;
    return node.inputs.slice(0, 3).every((name) => ranks.has(name)) && !caches.some(Boolean) ? rank : undefined;
  },
};

/** Axes are an attribute or, in newer versions, an input. */
function reduced(node: Node, rank: number, { model }: Known): number | undefined {
  const axes = intsAttribute(node, 'axes') ?? numbers(model.constants.get(node.inputs[1] ?? ''));
  if (!axes?.length || !axes.every((axis) => isLaterAxis(axis, rank))) return undefined;
  return intAttribute(node, 'keepdims', 1) === 0 ? rank - axes.length : rank;
}
