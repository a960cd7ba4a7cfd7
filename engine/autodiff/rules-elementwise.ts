// Rules of elementwise ops that are longer than a row of the table.
import { floatAttribute } from '../onnx/graph.ts';
import type { Value } from './builder.ts';
import { add, and, cast, div, equal, greater, less, log, mul, not, pow, scalar, sub, where } from './ops.ts';
import type { GradientRule } from './rule.ts';

/** y = a^b:  da = g·b·a^(b−1),  db = g·y·ln a (0 where a ≤ 0, as PyTorch has it for a = 0). */
export const powRule: GradientRule = ({ x: [a, b], y: [y], g }) => {
  const exponent = cast(b, a.type);
  const da = mul(g, mul(exponent, pow(a, sub(exponent, scalar(a, 1)))));
  if (b.graph.constantOf(b)) return [da, null];
  const positive = greater(a, scalar(a, 0));
  const safe = where(positive, a, scalar(a, 1)); // ln 1 = 0
  return [da, mul(g, mul(y, log(safe)))];
};

/** y = max(a, b, …) or min: g to the input that won; equal winners share it. */
export const maxMinRule: GradientRule = ({ x, y: [y], g }) => {
  const won = x.map((v) => cast(equal(v, y), g.type));
  const winners = won.reduce(add);
  return won.map((w) => div(mul(g, w), winners));
};

/** y = clip(x, min, max): g inside the bounds (bounds included, as PyTorch has it), 0 outside. */
export const clipRule: GradientRule = ({ x: [x, low, high], g, node }) => {
  const bound = (value: Value | undefined, name: string, otherwise: number) =>
    value ?? scalar(x, floatAttribute(node, name, otherwise)); // attributes before opset 11
  const inside = and(
    not(less(x, bound(low, 'min', Number.NEGATIVE_INFINITY))),
    not(greater(x, bound(high, 'max', Number.POSITIVE_INFINITY))),
  );
  return [where(inside, g, scalar(g, 0)), null, null];
};
