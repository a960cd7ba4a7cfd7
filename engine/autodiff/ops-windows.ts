// The words for convolutions: Conv and ConvTranspose that give a result of the dims asked for.
import type { Value } from './builder.ts';
import { slice } from './ops.ts';
import { reach, type Window } from './windows.ts';

export interface ConvolutionOptions {
  readonly windows: readonly Window[];
  readonly groups: number;
  /** Spatial dims of the result. */
  readonly size: readonly number[];
}

const attributesOf = (windows: readonly Window[], groups: number) => ({
  group: groups,
  kernel_shape: windows.map((w) => w.kernel),
  strides: windows.map((w) => w.stride),
  dilations: windows.map((w) => w.dilation),
});

/** y[o] = Σ_k x[o·stride + k·dilation − before]·w[k], with x [N, C, …] taken as zero outside and w [M, C/groups, …]. */
export function conv(x: Value, w: Value, { windows, groups, size }: ConvolutionOptions): Value {
  const after = windows.map((window, i) => Math.max(0, reach(window, size[i]) - window.before - x.dims[i + 2]));
  const natural = windows.map((window, i) => {
    const padded = window.before + x.dims[i + 2] + after[i];
    return Math.floor((padded - reach(window, 1)) / window.stride) + 1;
  });
  const y = x.graph.add('Conv', {
    inputs: [x, w],
    dims: [x.dims[0], w.dims[0], ...natural],
    attributes: { ...attributesOf(windows, groups), pads: [...windows.map((window) => window.before), ...after] },
  });
  return crop(y, size);
}

/** The adjoint: each g[o]·w[k] is added at o·stride + k·dilation − before. g [N, C, …], w [C, M/groups, …]. */
export function convTranspose(g: Value, w: Value, { windows, groups, size }: ConvolutionOptions): Value {
  const natural = windows.map((window, i) => reach(window, g.dims[i + 2]) - window.before);
  const attributes = {
    ...attributesOf(windows, groups),
    pads: [...windows.map((window) => window.before), ...natural.map((n, i) => Math.max(0, n - size[i]))],
    // The rows at the end that no window read: what a stride leaves over.
    output_padding: natural.map((n, i) => Math.max(0, size[i] - n)),
  };
  return g.graph.add('ConvTranspose', {
    inputs: [g, w],
    dims: [g.dims[0], w.dims[1] * groups, ...size],
    attributes,
  });
}

const crop = (y: Value, size: readonly number[]): Value => size.reduce((part, n, i) => slice(part, i + 2, 0, n), y);
