// For each ONNX op: what flows back to each of its inputs.
//
//   x, y   forward inputs and outputs (an input that is left out is undefined)
//   g      cotangent of the first output; gs of every output, for rules marked `everyOutput`
//   null   the input is not a float (indices, shapes), or left out
//   noGradient('…')   the gradient is zero, for this reason
//
// One flow per input, or the walk (backward.ts) refuses; it undoes broadcasting, so a flow may have a larger shape.
import { floatAttribute } from '../onnx/graph.ts';
import { isFloat } from '../onnx/tensor.ts';
import type { Value } from './builder.ts';
import {
  add,
  cast,
  cos,
  cosh,
  div,
  exp,
  greater,
  mul,
  neg,
  reshape,
  scalar,
  scale,
  sigmoid,
  sign,
  sin,
  sinh,
  sqrt,
  sub,
  truncate,
  where,
} from './ops.ts';
import { everyOutput, type GradientRule, rest } from './rule.ts';
import {
  celuRule,
  eluRule,
  hardSigmoidRule,
  hardSwishRule,
  leakyReluRule,
  mishRule,
  preluRule,
  seluRule,
  softsignRule,
  swishRule,
} from './rules-activation.ts';
import { attentionRule, rotaryRule } from './rules-attention.ts';
import { batchNormRule, groupNormRule, instanceNormRule, lpNormRule, lrnRule } from './rules-channel-norm.ts';
import { convRule, convTransposeRule } from './rules-conv.ts';
import { clipRule, dropoutRule, maxMinRule, powRule } from './rules-elementwise.ts';
import { fastGeluRule } from './rules-fused.ts';
import { gatherElementsRule, gatherNdRule, gatherRule, oneHotRule } from './rules-gather.ts';
import { gridSampleRule } from './rules-grid-sample.ts';
import { einsumRule, gemmRule, matmulRule } from './rules-linear.ts';
import { geluRule, layerNormRule, logSoftmaxRule, rmsNormRule, softmaxRule } from './rules-normalise.ts';
import { padRule } from './rules-pad.ts';
import { averagePoolRule, globalAveragePoolRule, globalMaxPoolRule, maxPoolRule } from './rules-pool.ts';
import {
  cumSumRule,
  logSumExpRule,
  meanRule,
  rangeRule,
  reduceL1Rule,
  reduceL2Rule,
  reduceMaxRule,
  reduceMeanRule,
  reduceSumRule,
  reduceSumSquareRule,
} from './rules-reduce.ts';
import { resizeRule } from './rules-resize.ts';
import { depthToSpaceRule, scatterElementsRule, scatterNdRule, spaceToDepthRule } from './rules-scatter.ts';
import { concatRule, sliceRule, splitRule, tileRule, transposeRule, triluRule } from './rules-shape.ts';

const reshapeBack: GradientRule = ({ x, g }) => [reshape(g, x[0].dims), ...rest(x)];
const one = (v: Value) => scalar(v, 1);

// biome-ignore format: one row per op
export const rules: Readonly<Record<string, GradientRule>> = {
  // elementwise, two inputs
  Add:        ({ g })                  => [g, g],                                     // y = a + b
  Sub:        ({ g })                  => [g, neg(g)],                                // y = a − b
  Mul:        ({ x: [a, b], g })       => [mul(g, b), mul(g, a)],                     // y = a·b
  Div:        ({ x: [, b], y: [y], g }) => [div(g, b), neg(div(mul(g, y), b))],       // y = a/b
  Pow:        powRule,
  Where:      ({ x: [c, a], g })       => [null, where(c, g, scalar(a, 0)), where(c, scalar(a, 0), g)],
  Max:        maxMinRule,
  Min:        maxMinRule,
  Sum:        ({ x, g })               => x.map(() => g),
  Mean:       meanRule,
  Clip:       clipRule,
  Mod:        ({ x: [a, b], g })       => [g, neg(mul(g, truncate(div(a, b))))],      // y = a − b·trunc(a/b), fmod = 1

  // elementwise, one input
  Identity:   ({ g })                  => [g],
  Dropout:    dropoutRule,
  Neg:        ({ g })                  => [neg(g)],
  Abs:        ({ x: [x], g })          => [mul(g, sign(x))],
  Sqrt:       ({ y: [y], g })          => [div(scale(g, 0.5), y)],                    // ½ x^−½
  Exp:        ({ y: [y], g })          => [mul(g, y)],
  Log:        ({ x: [x], g })          => [div(g, x)],
  Reciprocal: ({ y: [y], g })          => [neg(mul(g, mul(y, y)))],                   // −1/x²
  Sin:        ({ x: [x], g })          => [mul(g, cos(x))],
  Cos:        ({ x: [x], g })          => [neg(mul(g, sin(x)))],
  Tanh:       ({ y: [y], g })          => [mul(g, sub(one(y), mul(y, y)))],           // 1 − tanh²
  Sigmoid:    ({ y: [y], g })          => [mul(g, mul(y, sub(one(y), y)))],           // σ(1 − σ)
  Softplus:   ({ x: [x], g })          => [mul(g, sigmoid(x))],
  Relu:       ({ x: [x], g })          => [where(greater(x, scalar(x, 0)), g, scalar(g, 0))],
  Erf:        ({ x: [x], g })          => [mul(g, scale(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)))],
  Tan:        ({ y: [y], g })          => [mul(g, add(one(y), mul(y, y)))],           // 1 + tan²
  Asin:       ({ x: [x], g })          => [div(g, sqrt(sub(one(x), mul(x, x))))],     // 1/√(1 − x²)
  Acos:       ({ x: [x], g })          => [neg(div(g, sqrt(sub(one(x), mul(x, x)))))],
  Atan:       ({ x: [x], g })          => [div(g, add(one(x), mul(x, x)))],           // 1/(1 + x²)
  Sinh:       ({ x: [x], g })          => [mul(g, cosh(x))],
  Cosh:       ({ x: [x], g })          => [mul(g, sinh(x))],
  Asinh:      ({ x: [x], g })          => [div(g, sqrt(add(mul(x, x), one(x))))],     // 1/√(x² + 1)
  Acosh:      ({ x: [x], g })          => [div(g, sqrt(sub(mul(x, x), one(x))))],     // 1/√(x² − 1)
  Atanh:      ({ x: [x], g })          => [div(g, sub(one(x), mul(x, x)))],           // 1/(1 − x²)
  Gelu:       geluRule,
  ThresholdedRelu: ({ x: [x], g, node }) => [where(greater(x, scalar(x, floatAttribute(node, 'alpha', 1))), g, scalar(g, 0))],
  LeakyRelu:  leakyReluRule,
  PRelu:      preluRule,
  Elu:        eluRule,
  Selu:       seluRule,
  Celu:       celuRule,
  HardSigmoid: hardSigmoidRule,
  HardSwish:  hardSwishRule,
  Softsign:   softsignRule,
  Mish:       mishRule,
  Swish:      swishRule(1),
  'com.microsoft.QuickGelu': swishRule(1.702),
  'com.microsoft.Gelu': geluRule,
  'com.microsoft.FastGelu': fastGeluRule,
  Cast:       ({ x: [x], g })          => [isFloat(x.type) ? cast(g, x.type) : null],

  // along axes
  Softmax:    softmaxRule,
  LogSoftmax: logSoftmaxRule,
  LayerNormalization: layerNormRule,
  RMSNormalization: rmsNormRule,
  SimplifiedLayerNormalization: rmsNormRule,
  LpNormalization: lpNormRule,
  CumSum:     cumSumRule,
  ReduceSum:  reduceSumRule,
  ReduceMean: reduceMeanRule,
  ReduceL1:   reduceL1Rule,
  ReduceL2:   reduceL2Rule,
  ReduceSumSquare: reduceSumSquareRule,
  ReduceLogSumExp: logSumExpRule,
  ReduceMax:  reduceMaxRule,
  ReduceMin:  reduceMaxRule,

  // linear
  MatMul:     matmulRule,
  Gemm:       gemmRule,
  Einsum:     einsumRule,

  Attention:  attentionRule,
  RotaryEmbedding: rotaryRule,

  // pictures: [N, C, …]
  Conv:       convRule,
  ConvTranspose: convTransposeRule,
  BatchNormalization: batchNormRule,
  InstanceNormalization: instanceNormRule,
  GroupNormalization: groupNormRule,
  LRN:        lrnRule,
  AveragePool: averagePoolRule,
  MaxPool:    maxPoolRule,
  GlobalAveragePool: globalAveragePoolRule,
  GlobalMaxPool: globalMaxPoolRule,
  Resize:     resizeRule,
  GridSample: gridSampleRule,

  // the same numbers in another shape or place
  Reshape:    reshapeBack,
  Flatten:    reshapeBack,
  Squeeze:    reshapeBack,
  Unsqueeze:  reshapeBack,
  Expand:     ({ x, g })               => [g, ...rest(x)],                            // undone by the walk
  Transpose:  transposeRule,
  Concat:     concatRule,
  Split:      everyOutput(splitRule),
  Slice:      sliceRule,
  Pad:        padRule,
  Tile:       tileRule,
  Trilu:      triluRule,
  Gather:     gatherRule,
  GatherND:   gatherNdRule,
  GatherElements: gatherElementsRule,
  ScatterND:  scatterNdRule,
  ScatterElements: scatterElementsRule,
  DepthToSpace: depthToSpaceRule,
  SpaceToDepth: spaceToDepthRule,

  // made of a few numbers
  OneHot:     oneHotRule,
  Range:      rangeRule,
};

/** Ops through which nothing flows back, and why: their gradient is zero wherever it exists. */
export const withoutGradient: ReadonlyMap<string, string> = new Map([
  ...['Shape', 'Size', 'ConstantOfShape', 'EyeLike', 'RandomNormalLike', 'RandomUniformLike'].map(
    (op) => [op, 'depends on the shape alone'] as const,
  ),
  ...['ArgMax', 'ArgMin', 'NonZero'].map((op) => [op, 'gives indices'] as const),
  ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Not', 'And', 'Or', 'Xor', 'IsNaN', 'IsInf'].map(
    (op) => [op, 'gives truth values'] as const,
  ),
  ...['Floor', 'Ceil', 'Round', 'Sign'].map((op) => [op, 'is constant between its steps'] as const),
]);
