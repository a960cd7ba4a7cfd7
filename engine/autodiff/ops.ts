// The words that gradient rules are written in: one function per ONNX op that a backward graph is made of.
// Each adds one node and computes the dims of its result.
import { type ElementType, elementCode, sizeOf } from '../onnx/tensor.ts';
import type { Value } from './builder.ts';

type Dims = readonly number[];

const unary = (op: string) => (x: Value) => x.graph.add(op, { inputs: [x], dims: x.dims });
const binary = (op: string, type?: ElementType) => (a: Value, b: Value) =>
  a.graph.add(op, { inputs: [a, b], dims: broadcast(a.dims, b.dims), ...(type && { type }) });

export const neg = unary('Neg');
export const exp = unary('Exp');
export const log = unary('Log');
export const sin = unary('Sin');
export const cos = unary('Cos');
export const sinh = unary('Sinh');
export const cosh = unary('Cosh');
export const tanh = unary('Tanh');
export const abs = unary('Abs');
export const sigmoid = unary('Sigmoid');
export const sqrt = unary('Sqrt');
export const erf = unary('Erf');
export const sign = unary('Sign');
export const floor = unary('Floor');
export const round = unary('Round');
export const not = unary('Not');
export const add = binary('Add');
export const sub = binary('Sub');
export const mul = binary('Mul');
export const div = binary('Div');
export const pow = binary('Pow');
export const equal = binary('Equal', 'bool');
export const less = binary('Less', 'bool');
export const greater = binary('Greater', 'bool');
export const and = binary('And', 'bool');
export const or = binary('Or', 'bool');

/** Dims of an elementwise result (numpy's rule). */
export function broadcast(a: Dims, b: Dims): number[] {
  const rank = Math.max(a.length, b.length);
  const at = (dims: Dims, i: number) => dims[i - (rank - dims.length)] ?? 1;
  return Array.from({ length: rank }, (_, i) => (at(a, i) === 1 ? at(b, i) : at(a, i)));
}

/** A constant of x's type that broadcasts: scalar(x, 0.5). */
export const scalar = (x: Value, value: number): Value => x.graph.constant(x.type, [], [value]);

/** x · number. */
export const scale = (x: Value, value: number): Value => mul(x, scalar(x, value));

/** A constant list of integers, as ONNX takes axes, shapes and indices. */
export const ints = (like: Value, values: readonly number[]): Value =>
  like.graph.constant('int64', [values.length], values);

/** Zeros or ones of the given dims. */
export const full = (like: Value, dims: Dims, value: number): Value =>
  like.graph.constant(like.type, dims, new Float64Array(sizeOf(dims)).fill(value));

/** Where(condition, a, b). */
export const where = (condition: Value, a: Value, b: Value): Value =>
  a.graph.add('Where', {
    inputs: [condition, a, b],
    dims: broadcast(condition.dims, broadcast(a.dims, b.dims)),
    type: a.type,
  });

/** x without its fraction: ⌊|x|⌋ with the sign of x. */
export const truncate = (x: Value): Value => mul(sign(x), floor(abs(x)));

/** x in another element type. */
export const cast = (x: Value, type: ElementType): Value =>
  x.type === type ? x : x.graph.add('Cast', { inputs: [x], dims: x.dims, type, attributes: { to: elementCode(type) } });

export function reshape(x: Value, dims: Dims): Value {
  if (sizeOf(x.dims) !== sizeOf(dims)) throw new Error(`cannot reshape [${x.dims}] to [${dims}]`);
  if (String(x.dims) === String(dims)) return x;
  return x.graph.add('Reshape', { inputs: [x, ints(x, dims)], dims });
}

export function transpose(x: Value, perm: readonly number[]): Value {
  if (perm.every((p, i) => p === i)) return x;
  return x.graph.add('Transpose', { inputs: [x], dims: perm.map((p) => x.dims[p]), attributes: { perm } });
}

/** Swaps the last two axes. */
export function T(x: Value): Value {
  const rank = x.dims.length;
  return transpose(x, [...Array(rank - 2).keys(), rank - 1, rank - 2]);
}

export function expand(x: Value, dims: Dims): Value {
  if (String(x.dims) === String(dims)) return x;
  return x.graph.add('Expand', { inputs: [x, ints(x, dims)], dims });
}

/** [.., M, K] · [.., K, N]. Both of rank 2 at least. */
export function matmul(a: Value, b: Value): Value {
  const [m] = a.dims.slice(-2);
  const [n] = b.dims.slice(-1);
  const batch = broadcast(a.dims.slice(0, -2), b.dims.slice(0, -2));
  return a.graph.add('MatMul', { inputs: [a, b], dims: [...batch, m, n] });
}

/** op(a)·op(b) for matrices, op = transpose where asked. Weights are shared with the forward pass, not copied. */
export function gemm(a: Value, b: Value, { transA = 0, transB = 0 }: { transA?: 0 | 1; transB?: 0 | 1 }): Value {
  const dims = [a.dims[transA ? 1 : 0], b.dims[transB ? 0 : 1]];
  return a.graph.add('Gemm', { inputs: [a, b], dims, attributes: { transA, transB } });
}

/** Σ over the axes, which stay with size 1. */
export function sum(x: Value, axes: readonly number[]): Value {
  if (!axes.length) return x;
  const dims = x.dims.map((d, i) => (axes.includes(i) ? 1 : d));
  // The axes of ReduceSum became an input in opset 13.
  if (x.graph.opset < 13) return x.graph.add('ReduceSum', { inputs: [x], dims, attributes: { axes, keepdims: 1 } });
  return x.graph.add('ReduceSum', { inputs: [x, ints(x, axes)], dims, attributes: { keepdims: 1 } });
}

/** Mean over the axes, which stay with size 1. */
export const mean = (x: Value, axes: readonly number[]): Value =>
  scale(sum(x, axes), 1 / sizeOf(axes.map((a) => x.dims[a])));

/** e^x/Σ e^x along an axis (from opset 13 on). */
export const softmax = (x: Value, axis: number): Value =>
  x.graph.add('Softmax', { inputs: [x], dims: x.dims, attributes: { axis } });

/** table[indices]: rows of its first axis. */
export const gatherRows = (table: Value, indices: Value): Value =>
  table.graph.add('Gather', { inputs: [table, indices], dims: [...indices.dims, ...table.dims.slice(1)] });

/** Undoes broadcasting: sums x down to dims. */
export function sumTo(x: Value, dims: Dims): Value {
  const lead = x.dims.length - dims.length;
  const axes = x.dims.flatMap((d, i) => (i < lead || (dims[i - lead] === 1 && d !== 1) ? [i] : []));
  return reshape(sum(x, axes), dims);
}

/** x with zeros before and after, per axis. */
export function pad(x: Value, before: readonly number[], after: readonly number[]): Value {
  if ([...before, ...after].every((p) => p === 0)) return x;
  const dims = x.dims.map((d, i) => before[i] + d + after[i]);
  return x.graph.add('Pad', { inputs: [x, ints(x, [...before, ...after])], dims });
}

/** x[start:end] along one axis. */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  if (start === 0 && end === x.dims[axis]) return x;
  const dims = x.dims.map((d, i) => (i === axis ? end - start : d));
  return x.graph.add('Slice', { inputs: [x, ints(x, [start]), ints(x, [end]), ints(x, [axis])], dims });
}

export function concat(parts: readonly Value[], axis: number): Value {
  if (parts.length === 1) return parts[0];
  const size = parts.reduce((total, p) => total + p.dims[axis], 0);
  return parts[0].graph.add('Concat', {
    inputs: parts,
    dims: parts[0].dims.map((d, i) => (i === axis ? size : d)),
    attributes: { axis },
  });
}

/** Axes as ONNX takes them, from the end too, as indices from the front. */
export const fromFront = (axes: readonly number[], rank: number): number[] => axes.map((a) => (a < 0 ? a + rank : a));

/** [0, 1, …, n−1]. */
export const range = (n: number): number[] => [...Array(n).keys()];
