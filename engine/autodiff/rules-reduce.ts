// Rules of reductions. Before opset 18 (13 for ReduceSum) the axes are an attribute, then an input.
import { intAttribute, intsAttribute, type Node } from '../onnx/graph.ts';
import { sizeOf } from '../onnx/tensor.ts';
import { constantNumbers, type Value } from './builder.ts';
import {
  cast,
  div,
  equal,
  exp,
  expand,
  fromFront,
  mul,
  range,
  reshape,
  scalar,
  scale,
  sign,
  sub,
  sum,
  where,
} from './ops.ts';
import { type GradientRule, noGradient, type RuleArguments, rest } from './rule.ts';

/** The axes that a reduction node runs over, from the front. */
function axesOf({ x: [x, axes], node }: RuleArguments): number[] {
  const listed = intsAttribute(node, 'axes') ?? (axes ? constantNumbers(axes, 'its axes are') : []);
  if (listed.length) return fromFront(listed, x.dims.length);
  return intAttribute(node, 'noop_with_empty_axes', 0) ? [] : range(x.dims.length);
}

/** The dims of the result with every reduced axis kept as 1, so that it broadcasts against x. */
const keptDims = (x: Value, axes: readonly number[]): number[] => x.dims.map((d, i) => (axes.includes(i) ? 1 : d));

/** Gives a rule g and y in dims that broadcast against x. */
const reduction =
  (rule: (args: { x: Value; y: Value; g: Value; axes: number[]; node: Node }) => Value): GradientRule =>
  (args) => {
    const [x] = args.x;
    const axes = axesOf(args);
    const kept = (v: Value) => reshape(v, keptDims(x, axes));
    const dx = rule({ x, y: kept(args.y[0]), g: kept(args.g), axes, node: args.node });
    return [expand(dx, x.dims), ...rest(args.x)];
  };

/** y = Σ x */
export const reduceSumRule = reduction(({ g }) => g);

/** y = Σ x / n */
export const reduceMeanRule = reduction(({ x, g, axes }) => scale(g, 1 / sizeOf(axes.map((a) => x.dims[a]))));

/** y = Σ x²:  2·g·x */
export const reduceSumSquareRule = reduction(({ x, g }) => scale(mul(g, x), 2));

/** y = Σ |x|:  g·sign(x) */
export const reduceL1Rule = reduction(({ x, g }) => mul(g, sign(x)));

/** y = √Σ x²:  g·x/y (0 where the norm is 0, as PyTorch has it) */
export const reduceL2Rule = reduction(({ x, y, g }) => {
  const safe = where(equal(y, scalar(y, 0)), scalar(y, 1), y);
  return mul(x, div(g, safe));
});

/** y = ln Σ eˣ:  g·e^(x−y) */
export const logSumExpRule = reduction(({ x, y, g }) => mul(g, exp(sub(x, y))));

/** y = max x or min x: equal winners share g. */
export const reduceMaxRule = reduction(({ x, y, g, axes }) => {
  const won = cast(equal(x, y), x.type);
  return mul(won, div(g, sum(won, axes)));
});

/** y = (a + b + …)/n */
export const meanRule: GradientRule = ({ x, g }) => x.map(() => scale(g, 1 / x.length));

/** Running sum: the running sum of g from the other end. */
export const cumSumRule: GradientRule = ({ x: [x, axis], g, node }) => {
  const attributes = { exclusive: intAttribute(node, 'exclusive', 0), reverse: 1 - intAttribute(node, 'reverse', 0) };
  return [g.graph.add('CumSum', { inputs: [g, axis], dims: x.dims, attributes }), null];
};

/** y = start + i·step, i = 0, 1, …:  dstart = Σ g;  dstep = Σ i·g */
export const rangeRule: GradientRule = ({ x: [start], y: [y], g }) => [
  sum(g, [0]),
  noGradient('says how many there are'),
  sum(mul(g, start.graph.constant(g.type, y.dims, range(y.dims[0]))), [0]),
];
