// The attributes of a node that slides a window (Conv, AveragePool, …) → what the window reads along each spatial axis.
import { intAttribute, intsAttribute, type Node, stringAttribute } from '../onnx/graph.ts';

/** Along one axis: output o reads the input at o·stride + k·dilation − before, for k = 0 … kernel − 1. */
export interface Window {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding before the first input. The padding after the last follows from the sizes. */
  readonly before: number;
}

export interface WindowSizes {
  /** Spatial dims of the side that the windows slide over: the input of Conv, the output of ConvTranspose. */
  readonly wide: readonly number[];
  /** Spatial dims of the side with one number per window. */
  readonly narrow: readonly number[];
  readonly kernel: readonly number[];
}

/** The windows of Conv and of pooling. */
export function windowsOf(node: Node, { wide, narrow, kernel }: WindowSizes): Window[] {
  return plainWindows(node, kernel).map((window, i) => {
    const mode = stringAttribute(node, 'auto_pad', 'NOTSET');
    const total = Math.max(0, reach(window, narrow[i]) - wide[i]);
    if (mode === 'SAME_UPPER') return { ...window, before: Math.floor(total / 2) };
    if (mode === 'SAME_LOWER') return { ...window, before: Math.ceil(total / 2) };
    return window;
  });
}

/** The windows of ConvTranspose, whose padding follows from `output_shape` if that is given. */
export function transposedWindowsOf(node: Node, { wide, narrow, kernel }: WindowSizes): Window[] {
  const mode = stringAttribute(node, 'auto_pad', 'NOTSET');
  const shaped = intsAttribute(node, 'output_shape') !== undefined;
  if (!shaped && !mode.startsWith('SAME')) return plainWindows(node, kernel);
  const extra = intsAttribute(node, 'output_padding') ?? kernel.map(() => 0);
  return plainWindows(node, kernel).map((window, i) => {
    const total = Math.max(0, reach(window, narrow[i]) + extra[i] - wide[i]);
    return { ...window, before: mode === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2) };
  });
}

/** How far `count` windows reach, from the first place read to the last. */
export const reach = ({ kernel, stride, dilation }: Window, count: number): number =>
  (count - 1) * stride + (kernel - 1) * dilation + 1;

function plainWindows(node: Node, kernel: readonly number[]): Window[] {
  const strides = intsAttribute(node, 'strides');
  const dilations = intsAttribute(node, 'dilations');
  const pads = stringAttribute(node, 'auto_pad', 'NOTSET') === 'NOTSET' ? intsAttribute(node, 'pads') : undefined;
  return kernel.map((size, i) => ({
    kernel: size,
    stride: strides?.[i] ?? 1,
    dilation: dilations?.[i] ?? 1,
    before: pads?.[i] ?? 0,
  }));
}

/** The attribute `group` of Conv and ConvTranspose. */
export const groupsOf = (node: Node): number => intAttribute(node, 'group', 1);
