// Rules of pooling: a mean is spread evenly over its window, a maximum goes to the one place that it was read from.
import { intAttribute, intsAttribute, type Node, stringAttribute } from '../onnx/graph.ts';
import { sizeOf } from '../onnx/tensor.ts';
import type { Value } from './builder.ts';
import { add, expand, full, mul, range, reshape, scale } from './ops.ts';
import { argMax, everyNth, maxPoolIndices, type Strided, scatterElements } from './ops-scatter.ts';
import { convTranspose } from './ops-windows.ts';
import type { GradientRule } from './rule.ts';
import { reach, type Window, windowsOf } from './windows.ts';

const spatial = (v: Value): readonly number[] => v.dims.slice(2);

/** y[o] = Σ_k x[o·s + k·d − p]/n[o]:  g/n spread by ConvTranspose with a kernel of ones, each channel on its own. */
export const averagePoolRule: GradientRule = ({ x: [x], g, node }) => {
  const kernel = intsAttribute(node, 'kernel_shape')!;
  const windows = windowsOf(node, { wide: spatial(x), narrow: spatial(g), kernel });
  const weights = g.graph.constant(g.type, spatial(g), shares(node, windows, x, g));
  const planes = reshape(mul(g, weights), [g.dims[0] * g.dims[1], 1, ...spatial(g)]);
  const ones = full(g, [1, 1, ...kernel], 1);
  return [reshape(convTranspose(planes, ones, { windows, groups: 1, size: spatial(x) }), x.dims)];
};

/** 1/n for every window. n counts the places inside the input, or with `count_include_pad` inside its padding too. */
function shares(node: Node, windows: readonly Window[], x: Value, g: Value): number[] {
  const padded = intAttribute(node, 'count_include_pad', 0) === 1;
  const pads = intsAttribute(node, 'pads') ?? windows.flatMap(() => [0, 0]);
  const same = stringAttribute(node, 'auto_pad', 'NOTSET').startsWith('SAME');
  const perAxis = windows.map((window, i) => {
    const size = x.dims[i + 2];
    // A window that ceil_mode lets reach past the padding counts what it has inside it.
    const after = same ? reach(window, g.dims[i + 2]) - window.before - size : pads[windows.length + i];
    const [low, high] = padded ? [-window.before, size + after] : [0, size];
    return range(g.dims[i + 2]).map((o) => placesOf(window, o).filter((p) => p >= low && p < high).length);
  });
  const products = perAxis.reduce((outer, counts) => outer.flatMap((a) => counts.map((b) => a * b)), [1]);
  return products.map((n) => (n ? 1 / n : 0));
}

const placesOf = ({ kernel, stride, dilation, before }: Window, o: number): number[] =>
  range(kernel).map((k) => o * stride + k * dilation - before);

/** g to the place of the maximum: of equal ones the first, as PyTorch has it. */
export const maxPoolRule: GradientRule = ({ x: [x], y: [y, given], g, node }) => {
  const kernel = intsAttribute(node, 'kernel_shape')!;
  const windows = windowsOf(node, { wide: spatial(x), narrow: spatial(g), kernel });
  windows.forEach((window, i) => {
    const empty = range(g.dims[i + 2]).some((o) => placesOf(window, o).every((p) => p < 0 || p >= x.dims[i + 2]));
    if (empty) throw new RangeError('one of its windows lies wholly in the padding, which has no gradient rule');
  });
  const rowMajor = intAttribute(node, 'storage_order', 0) === 0;
  const indices = given && rowMajor ? given : maxPoolIndices(x, node, y.dims); // places in all of x, flattened
  const flat = (v: Value) => reshape(v, [sizeOf(v.dims)]);
  const zeros = full(g, [sizeOf(x.dims)], 0);
  if (g.graph.opset >= 16) {
    return [reshape(scatterElements(zeros, flat(indices), flat(g), { axis: 0, reduction: 'add' }), x.dims)];
  }
  // Older opsets cannot add while scattering: take the windows in classes that do not overlap, and add the results.
  const parts = classes(windows, spatial(g)).map((along) => {
    const part = (v: Value) => flat(everyNth(v, along));
    return scatterElements(zeros, part(indices), part(g), { axis: 0 });
  });
  return [reshape(parts.reduce(add), x.dims)];
};

/** For each class, its first window and the distance to the next along each spatial axis. */
function classes(windows: readonly Window[], count: readonly number[]): Strided[][] {
  return windows.reduce<Strided[][]>(
    (all, window, i) => {
      const step = Math.ceil(reach(window, 1) / window.stride);
      const starts = range(Math.min(step, count[i]));
      return all.flatMap((along) => starts.map((start) => [...along, { axis: i + 2, start, step }]));
    },
    [[]],
  );
}

/** y = mean over all places. */
export const globalAveragePoolRule: GradientRule = ({ x: [x], g }) => [
  expand(scale(g, 1 / sizeOf(spatial(x))), x.dims),
];

/** g to the first maximum of each channel. */
export const globalMaxPoolRule: GradientRule = ({ x: [x], g }) => {
  const [n, c] = x.dims;
  const flat = reshape(x, [n, c, sizeOf(spatial(x))]);
  const zeros = full(g, flat.dims, 0);
  const spread = scatterElements(zeros, argMax(flat, 2), reshape(g, [n, c, 1]), { axis: 2 });
  return [reshape(spread, x.dims)];
};
