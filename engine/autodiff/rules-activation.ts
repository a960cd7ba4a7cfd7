// Rules of activation functions: g times the slope at x.
import { floatAttribute } from '../onnx/graph.ts';
import type { Value } from './builder.ts';
import {
  abs,
  add,
  and,
  div,
  exp,
  greater,
  less,
  log,
  mul,
  not,
  scalar,
  scale,
  sigmoid,
  sub,
  tanh,
  where,
} from './ops.ts';
import type { GradientRule } from './rule.ts';

const slope =
  (
    at: (args: {
      x: Value;
      y: Value;
      attribute: (name: string, otherwise: number) => number;
      one: Value;
      zero: Value;
    }) => Value,
  ): GradientRule =>
  ({ x: [x], y: [y], g, node }) => {
    const attribute = (name: string, otherwise: number) => floatAttribute(node, name, otherwise);
    return [mul(g, at({ x, y, attribute, one: scalar(x, 1), zero: scalar(x, 0) }))];
  };

/** y = x where x > 0, else αx */
export const leakyReluRule = slope(({ x, attribute, one, zero }) =>
  where(greater(x, zero), one, scalar(x, attribute('alpha', 0.01))),
);

/** y = x where x > 0, else α(eˣ − 1):  the lower slope is αeˣ = y + α */
export const eluRule = slope(({ x, y, attribute, one, zero }) =>
  where(greater(x, zero), one, add(y, scalar(y, attribute('alpha', 1)))),
);

/** y = γ·x where x > 0, else γα(eˣ − 1):  y + γα */
export const seluRule = slope(({ x, y, attribute, zero }) => {
  const gamma = attribute('gamma', 1.0507009873554805);
  const alpha = attribute('alpha', 1.6732632423543772);
  return where(greater(x, zero), scalar(x, gamma), add(y, scalar(y, gamma * alpha)));
});

/** y = x where x > 0, else α(e^(x/α) − 1):  e^(x/α) = y/α + 1 */
export const celuRule = slope(({ x, y, attribute, one, zero }) =>
  where(greater(x, zero), one, add(scale(y, 1 / attribute('alpha', 1)), one)),
);

/** y = clip(αx + β, 0, 1):  α inside */
export const hardSigmoidRule = slope(({ x, y, attribute, one, zero }) =>
  where(and(greater(y, zero), less(y, one)), scalar(x, attribute('alpha', 0.2)), zero),
);

/** y = x·clip(x/6 + ½, 0, 1):  0 below −3, 1 above 3, x/3 + ½ between */
export const hardSwishRule = slope(({ x, one, zero }) => {
  const middle = add(scale(x, 1 / 3), scalar(x, 0.5));
  return where(greater(x, scalar(x, 3)), one, where(less(x, scalar(x, -3)), zero, middle));
});

/** y = x/(1 + |x|):  1/(1 + |x|)² */
export const softsignRule = slope(({ x, one }) => {
  const d = add(abs(x), one);
  return div(one, mul(d, d));
});

/** y = x·σ(αx):  σ + αx·σ(1 − σ) */
export const swishRule = (alpha: number): GradientRule =>
  slope(({ x, attribute, one }) => {
    const ax = scale(x, attribute('alpha', alpha));
    const s = sigmoid(ax);
    return mul(s, add(mul(ax, sub(one, s)), one));
  });

/** y = x·t, t = tanh(softplus(x)):  t + x·(1 − t²)·σ(x) */
export const mishRule = slope(({ x, one }) => {
  const t = tanh(log(add(exp(x), one)));
  return add(t, mul(x, mul(sub(one, mul(t, t)), sigmoid(x))));
});

/** y = x where x ≥ 0, else s·x */
export const preluRule: GradientRule = ({ x: [x, s], g }) => {
  const zero = scalar(x, 0);
  const upper = not(less(x, zero));
  return [where(upper, g, mul(g, s)), where(upper, zero, mul(g, x))];
};
