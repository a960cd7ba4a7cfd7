// Rules of convolutions. Conv and ConvTranspose are each other's adjoint in x; the gradient of the kernel is again a Conv:
// over the side that the windows slide along, with the other side as its kernel, and with stride and dilation exchanged.
import type { Value } from './builder.ts';
import { range, reshape, sum, transpose } from './ops.ts';
import { conv, convTranspose } from './ops-windows.ts';
import type { GradientRule } from './rule.ts';
import { groupsOf, transposedWindowsOf, type Window, windowsOf } from './windows.ts';

const spatial = (v: Value): readonly number[] => v.dims.slice(2);

/** y = x ∗ w + b:  dx = ConvTranspose(g, w);  dw[m, c, k] = Σ_n,o x[n, c, o·s + k·d − p]·g[n, m, o];  db = Σ g */
export const convRule: GradientRule = ({ x: inputs, g, node }) => {
  const [x, w] = inputs;
  const groups = groupsOf(node);
  const windows = windowsOf(node, { wide: spatial(x), narrow: spatial(g), kernel: spatial(w) });
  const dx = convTranspose(g, w, { windows, groups, size: spatial(x) });
  const dw = kernelGradient(x, g, { windows, groups }); // [C/groups, M, …]
  return [dx, transpose(dw, swapFirst(dw)), biasGradient(inputs[2], g)].slice(0, inputs.length);
};

/** y = x ∗ᵀ w + b:  dx = Conv(g, w);  dw[c, m, k] = Σ_n,o g[n, m, o·s + k·d − p]·x[n, c, o];  db = Σ g */
export const convTransposeRule: GradientRule = ({ x: inputs, g, node }) => {
  const [x, w] = inputs;
  const groups = groupsOf(node);
  const windows = transposedWindowsOf(node, { wide: spatial(g), narrow: spatial(x), kernel: spatial(w) });
  const dx = conv(g, w, { windows, groups, size: spatial(x) });
  const dw = kernelGradient(g, x, { windows, groups }); // [M/groups, C, …]
  return [dx, transpose(dw, swapFirst(dw)), biasGradient(inputs[2], g)].slice(0, inputs.length);
};

/**
 * [a, b, k] = Σ_n,o wide[n, a, o·s + k·d − p]·narrow[n, b, o], per group of channels: wide [N, G·A, …] and
 * narrow [N, B, …] give [A, B, …]. The batch becomes the channels that are summed over.
 */
function kernelGradient(wide: Value, narrow: Value, { windows, groups }: { windows: Window[]; groups: number }): Value {
  const [n, channels] = wide.dims;
  const places = range(windows.length).map((i) => i + 3);
  const grouped = reshape(wide, [n, groups, channels / groups, ...spatial(wide)]);
  const signal = reshape(transpose(grouped, [2, 1, 0, ...places]), [channels / groups, groups * n, ...spatial(wide)]);
  const kernel = transpose(narrow, swapFirst(narrow)); // [B, N, …]
  const swapped = windows.map(({ kernel: size, stride, dilation, before }, i) => ({
    window: { kernel: narrow.dims[i + 2], stride: dilation, dilation: stride, before },
    size,
  }));
  return conv(signal, kernel, { windows: swapped.map((s) => s.window), groups, size: swapped.map((s) => s.size) });
}

const swapFirst = (v: Value): number[] => [1, 0, ...range(v.dims.length).slice(2)];

function biasGradient(bias: Value | undefined, g: Value): Value | null {
  if (!bias) return null;
  return reshape(sum(g, [0, ...range(g.dims.length).slice(2)]), bias.dims);
}
