// The rule of Pad, in all its modes.
import { intsAttribute, stringAttribute } from '../onnx/graph.ts';
import { constantNumbers, type Value } from './builder.ts';
import { fromFront, ints, pad, range, slice, sub, sum } from './ops.ts';
import type { GradientRule } from './rule.ts';
import { scatterAdd } from './rules-gather.ts';

/** How one axis of `size` grows or, where negative, shrinks at its two ends. */
interface AxisPads {
  readonly axis: number;
  readonly size: number;
  readonly before: number;
  readonly after: number;
}

/**
 * y = x with something around it. What was read from x flows back to where it was read; in mode "constant" the fill value gets
 * the rest: dvalue = Σ g − Σ dx.
 */
export const padRule: GradientRule = ({ x: inputs, g, node }) => {
  const [x, padsInput, value, axesInput] = inputs;
  const rank = x.dims.length;
  const pads = intsAttribute(node, 'pads') ?? constantNumbers(padsInput, 'its pads are');
  const axes = fromFront(axesInput ? constantNumbers(axesInput, 'its axes are') : range(rank), rank);
  const all = axes.map(
    (axis, i): AxisPads => ({ axis, size: x.dims[axis], before: pads[i], after: pads[i + axes.length] }),
  );
  const mode = stringAttribute(node, 'mode', 'constant');
  const dx = mode === 'constant' ? all.reduce(cropBack, g) : all.reduce(foldBack(mode), g);
  const everywhere = range(rank);
  const dvalue = mode === 'constant' && value ? sub(sum(g, everywhere), sum(dx, everywhere)) : null;
  return [dx, null, dvalue, null].slice(0, inputs.length);
};

/** The part of g that came from x, with zeros for what a negative pad cut off. */
function cropBack(g: Value, { axis, size, before, after }: AxisPads): Value {
  const cut = [Math.max(-before, 0), Math.max(-after, 0)];
  const kept = size - cut[0] - cut[1];
  if (kept < 0) throw new RangeError(`its negative pads cut off more than the ${size} elements of axis ${axis}`);
  const start = Math.max(before, 0);
  const along = (amount: number) => g.dims.map((_, i) => (i === axis ? amount : 0));
  return pad(slice(g, axis, start, start + kept), along(cut[0]), along(cut[1]));
}

/** Every element of g back to where the mode took it from, added up. */
const foldBack =
  (mode: string) =>
  (g: Value, { axis, size, before, after }: AxisPads): Value => {
    if (before === 0 && after === 0) return g;
    if (before < 0 || after < 0) throw new RangeError(`negative pads in mode "${mode}" have no gradient rule`);
    const sources = range(g.dims[axis]).map((i) => sourceOf(i - before, size, mode));
    return scatterAdd(g, ints(g, sources), axis, size);
  };

/** Where position `i` outside [0, size) is read from. */
function sourceOf(i: number, size: number, mode: string): number {
  const wrap = (k: number, period: number) => ((k % period) + period) % period;
  switch (mode) {
    case 'edge':
      return Math.min(Math.max(i, 0), size - 1);
    case 'wrap':
      return wrap(i, size);
    case 'reflect': {
      if (size === 1) return 0;
      const k = wrap(i, 2 * size - 2);
      return Math.min(k, 2 * size - 2 - k);
    }
    default:
      throw new RangeError(`mode "${mode}" has no gradient rule`);
  }
}
