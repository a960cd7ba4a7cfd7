// Rules of elementwise ops that are longer than a row of the table.
import { constantNumbers } from './builder.ts';
import { add, and, cast, div, equal, greater, less, log, mul, not, or, pow, scalar, sub, where } from './ops.ts';
import { type GradientRule, noGradient } from './rule.ts';

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

/**
 * y = min(max(x, low), high):  dx = g inside the bounds (bounds included, as PyTorch has it), 0 outside;
 * dlow = Σ g where x < low, unless high < low;  dhigh = Σ g where x > high, or everywhere if high < low
 */
export const clipRule: GradientRule = ({ x: inputs, g }) => {
  const [x, low, high] = inputs;
  const zero = scalar(g, 0);
  const truth = (value: 0 | 1) => x.graph.constant('bool', [], [value]);
  const below = low ? less(x, low) : truth(0);
  const above = high ? greater(x, high) : truth(0);
  const crossed = low && high ? less(high, low) : truth(0);
  return [
    where(not(or(below, above)), g, zero),
    low ? where(and(below, not(crossed)), g, zero) : null,
    high ? where(or(above, crossed), g, zero) : null,
  ].slice(0, inputs.length);
};

/** At inference y = x, whatever the ratio. */
export const dropoutRule: GradientRule = ({ x, g }) => {
  const [, ratio, training] = x;
  const mode = training && constantNumbers(training, 'its training_mode is');
  if (mode?.[0]) throw new RangeError('it drops values at random (training_mode is on)');
  return [g, ratio ? noGradient('is not used at inference') : null, null].slice(0, x.length);
};
