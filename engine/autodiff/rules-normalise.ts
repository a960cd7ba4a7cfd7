// Rules of softmax, normalisation and the GELU family.
import { floatAttribute, intAttribute, stringAttribute } from '../onnx/graph.ts';
import type { Value } from './builder.ts';
import { add, div, erf, exp, fromFront, mean, mul, range, scalar, scale, sqrt, sub, sum, sumTo, tanh } from './ops.ts';
import type { GradientRule, RuleArguments } from './rule.ts';

/** Before opset 13 softmax ran over all axes from `axis` (default 1) on; since then over one (default the last). */
function softmaxAxes({ x: [x], node }: RuleArguments): number[] {
  const rank = x.dims.length;
  const old = x.graph.opset < 13;
  const [axis] = fromFront([intAttribute(node, 'axis', old ? 1 : -1)], rank);
  return old ? range(rank).slice(axis) : [axis];
}

/** y = softmax(x):  y·(g − Σ g·y) */
export const softmaxRule: GradientRule = (args) => {
  const { y, g } = args;
  return [mul(y[0], sub(g, sum(mul(g, y[0]), softmaxAxes(args))))];
};

/** y = ln softmax(x):  g − eʸ·Σ g */
export const logSoftmaxRule: GradientRule = (args) => {
  const { y, g } = args;
  return [sub(g, mul(exp(y[0]), sum(g, softmaxAxes(args))))];
};

/**
 * y = x̂·γ + β with x̂ = (x − μ)·r, r = 1/√(σ² + ε).
 * With h = g·γ:  dx = r·(h − mean(h) − x̂·mean(h·x̂));  dγ = Σ g·x̂;  dβ = Σ g
 */
export const layerNormRule: GradientRule = ({ x: inputs, g, node }) => {
  const [x, gamma, beta] = inputs;
  const rank = x.dims.length;
  const [axis] = fromFront([intAttribute(node, 'axis', -1)], rank);
  const axes = range(rank).slice(axis);
  const centred = sub(x, mean(x, axes));
  const variance = mean(mul(centred, centred), axes);
  const deviation = sqrt(add(variance, scalar(x, floatAttribute(node, 'epsilon', 1e-5))));
  const xHat = div(centred, deviation);
  const h = mul(g, gamma);
  const dx = div(sub(sub(h, mean(h, axes)), mul(xHat, mean(mul(h, xHat), axes))), deviation);
  return [dx, sumTo(mul(g, xHat), gamma.dims), beta ? g : null].slice(0, inputs.length);
};

/** y = x·r·γ, r = 1/√(mean(x²) + ε).  With h = g·γ:  dx = r·(h − x̂·mean(h·x̂)), x̂ = x·r;  dγ = Σ g·x̂ */
export const rmsNormRule: GradientRule = ({ x: [x, gamma], g, node }) => {
  const rank = x.dims.length;
  const [axis] = fromFront([intAttribute(node, 'axis', -1)], rank);
  const axes = range(rank).slice(axis);
  const norm = sqrt(add(mean(mul(x, x), axes), scalar(x, floatAttribute(node, 'epsilon', 1e-5))));
  const xHat = div(x, norm);
  const h = mul(g, gamma);
  const dx = div(sub(h, mul(xHat, mean(mul(h, xHat), axes))), norm);
  return [dx, sumTo(mul(g, xHat), gamma.dims)];
};

/** y = x·Φ(x), exact (erf) or with the tanh approximation, as the node's attribute says. */
export const geluRule: GradientRule = ({ x: [x], g, node }) => [
  mul(g, stringAttribute(node, 'approximate', 'none') === 'tanh' ? tanhGeluSlope(x) : erfGeluSlope(x)),
];

/** Φ(x) + x·φ(x), with Φ(x) = ½(1 + erf(x/√2)) and φ(x) = e^(−x²/2)/√(2π) */
function erfGeluSlope(x: Value): Value {
  const cumulative = scale(add(erf(scale(x, Math.SQRT1_2)), scalar(x, 1)), 0.5);
  const density = scale(exp(scale(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return add(cumulative, mul(x, density));
}

/** ½(1 + t) + ½·x·(1 − t²)·u′, with t = tanh(u), u = √(2/π)·(x + 0.044715·x³) */
function tanhGeluSlope(x: Value): Value {
  const c = Math.sqrt(2 / Math.PI);
  const square = mul(x, x);
  const u = scale(mul(x, add(scale(square, 0.044715), scalar(x, 1))), c);
  const t = tanh(u);
  const slopeOfU = scale(add(scale(square, 3 * 0.044715), scalar(x, 1)), c);
  const left = scale(add(t, scalar(x, 1)), 0.5);
  return add(left, scale(mul(x, mul(sub(scalar(x, 1), mul(t, t)), slopeOfU)), 0.5));
}
