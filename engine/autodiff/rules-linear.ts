// Rules of products of matrices. Where one side is a matrix of weights, Gemm with a transpose flag is used, so that
// the forward and the backward pass share one copy of it.
import { floatAttribute, intAttribute, stringAttribute } from '../onnx/graph.ts';
import { sizeOf } from '../onnx/tensor.ts';
import type { Value } from './builder.ts';
import { expand, gemm, matmul, reshape, scale, sumTo, T } from './ops.ts';
import type { GradientRule } from './rule.ts';

/** y = a·b, [.., M, K]·[.., K, N]:  da = g·bᵀ,  db = aᵀ·g */
export const matmulRule: GradientRule = ({ x: [a, b], g }) => {
  const [A, B, G] = asMatrices(a, b, g);
  if (B.dims.length > 2)
    return [reshape(sumTo(matmul(G, T(B)), A.dims), a.dims), reshape(sumTo(matmul(T(A), G), B.dims), b.dims)];
  // One matrix for the whole batch: flatten what stands before it.
  const rows = reshape(A, [sizeOf(A.dims.slice(0, -1)), A.dims.at(-1)!]);
  const gRows = reshape(G, [sizeOf(G.dims.slice(0, -1)), G.dims.at(-1)!]);
  return [reshape(gemm(gRows, B, { transB: 1 }), a.dims), reshape(gemm(rows, gRows, { transA: 1 }), b.dims)];
};

/** ONNX's MatMul takes vectors as numpy does: a[K] as [1, K], b[K] as [K, 1]. */
function asMatrices(a: Value, b: Value, g: Value): [Value, Value, Value] {
  const A = a.dims.length === 1 ? reshape(a, [1, ...a.dims]) : a;
  const B = b.dims.length === 1 ? reshape(b, [...b.dims, 1]) : b;
  const batch = g.dims.slice(0, g.dims.length - (a.dims.length > 1 ? 1 : 0) - (b.dims.length > 1 ? 1 : 0));
  return [A, B, reshape(g, [...batch, A.dims.at(-2)!, B.dims.at(-1)!])];
}

/** y = α·A·B + β·C with A, B transposed where flagged. */
export const gemmRule: GradientRule = ({ x, g, node }) => {
  const [a, b, c] = x;
  const transA = intAttribute(node, 'transA', 0);
  const transB = intAttribute(node, 'transB', 0);
  const alpha = floatAttribute(node, 'alpha', 1);
  const beta = floatAttribute(node, 'beta', 1);
  const times = (v: Value, factor: number) => (factor === 1 ? v : scale(v, factor));
  const h = times(g, alpha);
  // A' = g·B'ᵀ and B' = A'ᵀ·g, where ' is the operand as it is multiplied; transposed once more where flagged.
  const da = transA ? gemm(b, h, { transA: transB ? 1 : 0, transB: 1 }) : gemm(h, b, { transB: transB ? 0 : 1 });
  const db = transB ? gemm(h, a, { transA: 1, transB: transA ? 1 : 0 }) : gemm(a, h, { transA: transA ? 0 : 1 });
  return [da, db, c ? times(g, beta) : null].slice(0, x.length);
};

/** y = einsum(a, b, …): each operand's gradient is an einsum of g and the others, with the letters it lacks added. */
export const einsumRule: GradientRule = ({ x, g, node }) => {
  const equation = stringAttribute(node, 'equation', '').replaceAll(' ', '');
  const [left, right = implicitOutput(left0(equation))] = equation.split('->');
  const terms = left.split(',');
  if (equation.includes('...') || terms.some((t) => new Set(t).size < t.length)) {
    throw new RangeError(
      `the equation "${equation}" (an ellipsis, or a letter twice in one operand) has no gradient rule`,
    );
  }
  return x.map((operand, i) => {
    const others = terms.flatMap((t, j) => (j === i ? [] : [{ term: t, value: x[j] }]));
    const sources = [{ term: right, value: g }, ...others];
    const known = new Set(sources.flatMap(({ term }) => [...term]));
    const wanted = [...terms[i]].filter((letter) => known.has(letter)).join('');
    const sum = einsum(
      `${sources.map((s) => s.term).join(',')}->${wanted}`,
      sources.map((s) => s.value),
      wanted,
      { terms, x },
    );
    // A letter that stands nowhere else was summed over: the gradient is the same all along it.
    const kept = operand.dims.map((d, axis) => (known.has(terms[i][axis]) ? d : 1));
    return expand(reshape(sum, kept), operand.dims);
  });
};

const left0 = (equation: string): string => equation.split('->')[0];

/** Without "->" the output has the letters that occur once, sorted. */
function implicitOutput(left: string): string {
  const letters = [...left.replaceAll(',', '')];
  return letters
    .filter((l) => letters.filter((m) => m === l).length === 1)
    .sort()
    .join('');
}

function einsum(
  equation: string,
  inputs: Value[],
  output: string,
  { terms, x }: { terms: string[]; x: readonly Value[] },
): Value {
  const size = (letter: string) => {
    const i = terms.findIndex((t) => t.includes(letter));
    return x[i].dims[terms[i].indexOf(letter)];
  };
  return inputs[0].graph.add('Einsum', {
    inputs,
    dims: [...output].map(size),
    attributes: { equation },
  });
}
