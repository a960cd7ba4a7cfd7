// Rules of normalisations over channels: x [N, C, …] with one scale and one bias per channel (or group of channels).
import { floatAttribute, intAttribute } from '../onnx/graph.ts';
import { sizeOf } from '../onnx/tensor.ts';
import type { Value } from './builder.ts';
import {
  abs,
  add,
  div,
  equal,
  fromFront,
  matmul,
  mean,
  mul,
  neg,
  pow,
  range,
  reshape,
  scalar,
  scale,
  sign,
  sqrt,
  sub,
  sum,
  sumTo,
  where,
} from './ops.ts';
import type { GradientRule } from './rule.ts';

/** One number per channel [C], as it broadcasts against [N, C, …]. */
const perChannel = (v: Value, rank: number): Value => reshape(v, [v.dims[0], ...Array(rank - 2).fill(1)]);

/** Σ over everything but the channels. */
const sumPerChannel = (v: Value): Value => reshape(sum(v, [0, ...range(v.dims.length).slice(2)]), [v.dims[1]]);

/** x̂ = (x − μ)/σ over the axes, with σ = √(variance + ε); and its adjoint h → (h − mean(h) − x̂·mean(h·x̂))/σ. */
function standardise(x: Value, axes: readonly number[], epsilon: number) {
  const centred = sub(x, mean(x, axes));
  const deviation = sqrt(add(mean(mul(centred, centred), axes), scalar(x, epsilon)));
  const xHat = div(centred, deviation);
  const back = (h: Value) => div(sub(sub(h, mean(h, axes)), mul(xHat, mean(mul(h, xHat), axes))), deviation);
  return { xHat, back };
}

/** y = x̂·γ + β, with x̂ standardised in each channel:  h = g·γ;  dγ = Σ g·x̂;  dβ = Σ g */
export const instanceNormRule: GradientRule = ({ x: [x, gamma], g, node }) => {
  const rank = x.dims.length;
  const { xHat, back } = standardise(x, range(rank).slice(2), floatAttribute(node, 'epsilon', 1e-5));
  return [back(mul(g, perChannel(gamma, rank))), sumPerChannel(mul(g, xHat)), sumPerChannel(g)];
};

/** The same in groups of channels. γ and β: one per channel from opset 21 on, one per group before. */
export const groupNormRule: GradientRule = ({ x: [x, gamma, beta], g, node }) => {
  const [n, c] = x.dims;
  const groups = intAttribute(node, 'num_groups', 1);
  const perGroup = x.graph.opset < 21;
  // [N, G, C/G, places], so that both kinds of γ broadcast: [G, 1, 1] or [G, C/G, 1].
  const grouped = (v: Value) => reshape(v, [n, groups, c / groups, sizeOf(x.dims.slice(2))]);
  const spread = reshape(gamma, [groups, perGroup ? 1 : c / groups, 1]);
  const { xHat, back } = standardise(grouped(x), [2, 3], floatAttribute(node, 'epsilon', 1e-5));
  const down = (v: Value, to: Value) => reshape(sumTo(v, spread.dims), to.dims);
  const dx = reshape(back(mul(grouped(g), spread)), x.dims);
  return [dx, down(mul(grouped(g), xHat), gamma), down(grouped(g), beta)];
};

/**
 * At inference, y = (x − μ)·r·γ + β with r = 1/√(v + ε) and given μ, v:
 * dx = g·γ·r;  dγ = Σ g·x̂;  dβ = Σ g;  dμ = −Σ g·γ·r;  dv = −½·γ·r²·Σ g·x̂
 */
export const batchNormRule: GradientRule = ({ x: [x, gamma, , mu, variance], g, node }) => {
  if (intAttribute(node, 'training_mode', 0) || node.outputs.slice(1).some(Boolean)) {
    throw new RangeError('only inference (training_mode = 0, one output) has a gradient rule');
  }
  const rank = x.dims.length;
  const deviation = sqrt(add(variance, scalar(variance, floatAttribute(node, 'epsilon', 1e-5))));
  const slope = div(gamma, deviation);
  const xHat = div(sub(x, perChannel(mu, rank)), perChannel(deviation, rank));
  const dGamma = sumPerChannel(mul(g, xHat));
  const dBeta = sumPerChannel(g);
  const dVariance = scale(mul(dGamma, div(slope, deviation)), -0.5);
  return [mul(g, perChannel(slope, rank)), dGamma, dBeta, neg(mul(slope, dBeta)), dVariance];
};

/**
 * y = x·d^−β with d = k + α/n·Σ x² over the n channels around each (n is odd: onnxruntime takes no other):
 * dx = g·d^−β − 2αβ/n·x·Σ g·y/d over the same channels
 */
export const lrnRule: GradientRule = ({ x: [x], y: [y], g, node }) => {
  const [n, c] = x.dims;
  const size = intAttribute(node, 'size', 1);
  const alpha = floatAttribute(node, 'alpha', 1e-4);
  const beta = floatAttribute(node, 'beta', 0.75);
  const near = range(c * c).map((i) => Number(Math.abs(Math.floor(i / c) - (i % c)) <= (size - 1) / 2));
  const band = x.graph.constant(x.type, [c, c], near);
  const around = (v: Value) => reshape(matmul(band, reshape(v, [n, c, sizeOf(x.dims.slice(2))])), x.dims);
  const d = add(scale(around(mul(x, x)), alpha / size), scalar(x, floatAttribute(node, 'bias', 1)));
  const shared = around(div(mul(g, y), d));
  return [sub(mul(g, pow(d, scalar(d, -beta))), scale(mul(x, shared), (2 * alpha * beta) / size))];
};

/** y = x/‖x‖_p along an axis:  (g − ∇‖x‖·Σ g·y)/‖x‖ with ∇‖x‖ = sign(x) or y (p = 1, 2); 0 if the norm is 0. */
export const lpNormRule: GradientRule = ({ x: [x], y: [y], g, node }) => {
  const axes = fromFront([intAttribute(node, 'axis', -1)], x.dims.length);
  const one = intAttribute(node, 'p', 2) === 1;
  const norm = one ? sum(abs(x), axes) : sqrt(sum(mul(x, x), axes));
  const zero = scalar(norm, 0);
  const inverse = where(equal(norm, zero), zero, div(scalar(norm, 1), norm));
  return [mul(sub(g, mul(one ? sign(x) : y, sum(mul(g, y), axes))), inverse)];
};
