// Rules of ops that move numbers without changing them.
import { intAttribute, intsAttribute } from '../onnx/graph.ts';
import { constantNumbers, type Value } from './builder.ts';
import { concat, fromFront, full, ints, pad, range, reshape, slice, sum, transpose } from './ops.ts';
import { type GradientRule, rest } from './rule.ts';
import { scatterAdd } from './rules-gather.ts';

/** The inverse permutation. */
export const transposeRule: GradientRule = ({ x: [x], g, node }) => {
  const perm = intsAttribute(node, 'perm') ?? range(x.dims.length).reverse();
  return [
    transpose(
      g,
      range(perm.length).map((i) => perm.indexOf(i)),
    ),
  ];
};

/** Each input gets its piece. */
export const concatRule: GradientRule = ({ x, g, node }) => {
  const [axis] = fromFront([intAttribute(node, 'axis', 0)], g.dims.length);
  let end = 0;
  return x.map((v) => {
    const start = end;
    end += v.dims[axis];
    return slice(g, axis, start, end);
  });
};

/** The pieces side by side; zeros for a piece that nothing used. */
export const splitRule: GradientRule = ({ x: inputs, y, gs, node }) => {
  const [x] = inputs;
  const [axis] = fromFront([intAttribute(node, 'axis', 0)], x.dims.length);
  return [
    concat(
      y.map((piece, i) => gs[i] ?? full(x, piece.dims, 0)),
      axis,
    ),
    ...rest(inputs),
  ];
};

/** Zeros around, where the step is 1; a scatter where the step leaves gaps or goes backwards. */
export const sliceRule: GradientRule = ({ x: [x, ...parts], g, node }) => {
  const rank = x.dims.length;
  const names = ['starts', 'ends', 'axes', 'steps'];
  const [starts, , axes = range(starts.length), steps = starts.map(() => 1)] = names.map(
    (name, i) => intsAttribute(node, name) ?? constantInts(parts[i]),
  ) as number[][];
  let gradient = g;
  const before = range(rank).map(() => 0);
  const after = range(rank).map(() => 0);
  fromFront(axes, rank).forEach((axis, i) => {
    const size = x.dims[axis];
    if (steps[i] === 1) {
      before[axis] = clamp(starts[i], size);
      after[axis] = size - before[axis] - g.dims[axis];
    } else {
      const first = steps[i] < 0 && starts[i] >= size ? size - 1 : clamp(starts[i], size);
      gradient = scatterAdd(
        gradient,
        ints(
          x,
          range(g.dims[axis]).map((k) => first + k * steps[i]),
        ),
        axis,
        size,
      );
    }
  });
  return [pad(gradient, before, after), ...parts.map(() => null)];
};

const clamp = (index: number, size: number): number => Math.min(Math.max(index < 0 ? index + size : index, 0), size);

const constantInts = (v: Value | undefined): number[] | undefined =>
  v && constantNumbers(v, 'its starts, axes or steps are');

/** Σ over the repeats. */
export const tileRule: GradientRule = ({ x: [x], g }) => {
  const repeats = x.dims.map((d, i) => g.dims[i] / d);
  const split = reshape(
    g,
    x.dims.flatMap((d, i) => [repeats[i], d]),
  );
  return [
    reshape(
      sum(
        split,
        range(x.dims.length).map((i) => 2 * i),
      ),
      x.dims,
    ),
    null,
  ];
};

/** The same triangle of g. */
export const triluRule: GradientRule = ({ x: [, ...k], g, node }) => [
  g.graph.add('Trilu', {
    inputs: [g, ...k.filter(Boolean)],
    dims: g.dims,
    attributes: { upper: intAttribute(node, 'upper', 1) },
  }),
  ...k.map(() => null),
];
