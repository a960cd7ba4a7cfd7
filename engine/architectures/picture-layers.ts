// The layers of U-Net and autoencoder: pictures are [batch, channels, height, width].
import type { Device } from '../onnx/device.ts';
import { reshaped, type Weight } from '../safetensors/weights.ts';
import { float, type Value } from './graph-builder.ts';
import { type Context, parameter, silu } from './layers.ts';
import { addConvBranches } from './low-rank.ts';

/** What all layers of a model share. */
export interface PictureContext extends Context {
  /** Groups of channels that are normalised together. */
  readonly groups: number;
  /** Of the groups' normalisation. */
  readonly epsilon: number;
  /** Only ONNX's own, differentiable ops, or onnxruntime's fused ones where they are faster. */
  readonly attention: AttentionForm;
  /** Where the graph will run. */
  readonly device: Device;
}

export type AttentionForm = 'fused' | 'plain';

interface ConvOptions {
  readonly prefix: string;
  /** Default 1. */
  readonly stride?: number;
  /** Top, left, bottom, right; by default half of the kernel, which keeps the size. */
  readonly pads?: readonly [number, number, number, number];
}

/** A convolution with a square kernel: [B, C, H, W] → [B, out, H/stride, W/stride]. Throws MODEL_INVALID for one of three dimensions. */
export function conv2d(context: PictureContext, x: Value, { prefix, stride = 1, pads }: ConvOptions): Value {
  const { graph, parameters } = context;
  const weight = parameter(context, `${prefix}.weight`, [-1, -1, -1, -1]);
  const half = weight.dims[2] >> 1;
  const steps = { strides: [stride, stride], pads: pads ?? [half, half, half, half] };
  const bias = parameters.find(`${prefix}.bias`);
  const y = convolve(context, x, { weight, bias: bias ? [graph.weight(bias)] : [], ...steps });
  return addConvBranches({ graph, loras: parameters.loras, prefix, dims: weight.dims, x, y }, steps);
}

/** Numbers in a kernel: 1280 → 1280 channels have 14.7 million, 1280 → 640 half of that. */
const LARGE_KERNEL = 12e6;

interface Convolution {
  readonly weight: Weight;
  readonly bias: readonly Value[];
  readonly strides: readonly number[];
  readonly pads: readonly number[];
}

/**
 * On the CPU, onnxruntime reorders the kernels of pictures when it makes a session, which makes large pictures faster (by 10 to 20 %) and
 * holds every kernel twice for a while. The large kernels work on small pictures, where it gains least, so they are spared it: they run as
 * convolutions in three dimensions, one of which is 1.
 */
function convolve({ graph, device, attention }: PictureContext, x: Value, options: Convolution): Value {
  const { weight, bias, strides, pads } = options;
  const [out, input, ...kernel] = weight.dims;
  const large = out * input * kernel[0] * kernel[1] >= LARGE_KERNEL;
  if (!large || device !== 'cpu' || attention === 'plain')
    return graph.add('Conv', [x, graph.weight(weight), ...bias], { kernel_shape: kernel, strides, pads });
  const [top, left, bottom, right] = pads;
  const deep = graph.weight(reshaped(weight, [out, input, 1, ...kernel]));
  const y = graph.add('Conv', [graph.add('Unsqueeze', [x, graph.ints(2)]), deep, ...bias], {
    kernel_shape: [1, ...kernel],
    strides: [1, ...strides],
    pads: [0, top, left, 0, bottom, right],
  });
  return graph.add('Squeeze', [y, graph.ints(2)]);
}

interface GroupNormOptions {
  readonly prefix: string;
  /** Default: the model's. */
  readonly epsilon?: number;
}

/** Normalises groups of neighbouring channels over all places. */
export function groupNorm(context: PictureContext, x: Value, { prefix, epsilon }: GroupNormOptions): Value {
  const { graph, groups } = context;
  const [scale, bias] = ['weight', 'bias'].map((name) => {
    const weight = parameter(context, `${prefix}.${name}`, [-1]);
    return graph.weight(reshaped(weight, [weight.dims[0], 1, 1]));
  });
  const [ones, zeros] = [1, 0].map((value) => graph.constant('float32', [groups], Array(groups).fill(value)));
  const grouped = graph.add('Reshape', [x, graph.ints(0, groups, -1)]);
  const normal = graph.add('InstanceNormalization', [grouped, ones, zeros], {
    epsilon: float(epsilon ?? context.epsilon),
  });
  const whole = graph.add('Reshape', [normal, graph.add('Shape', [x])]);
  return graph.add('Add', [graph.add('Mul', [whole, scale]), bias]);
}

/** Normalised, then x·σ(x). */
export const groupNormSilu = (context: PictureContext, x: Value, prefix: string): Value =>
  silu(context, groupNorm(context, x, { prefix }));

/** Each place as often as it takes for the height and width of `like`, about twice; then a convolution. */
export function upsampleLike(
  context: PictureContext,
  x: Value,
  { prefix, like }: { prefix: string; like: Value },
): Value {
  const { graph } = context;
  const [outer, inner] = [graph.add('Shape', [x], { end: 2 }), graph.add('Shape', [like], { start: 2 })];
  const large = graph.add('Resize', [x, '', '', graph.add('Concat', [outer, inner], { axis: 0 })], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
  return conv2d(context, large, { prefix: `${prefix}.conv` });
}

/** For an even and for an odd place: which of a kernel's three weights fall on the nearer neighbours, [2, 3]. */
const TAPS = [
  [1, 0, 0, 0, 1, 1],
  [1, 1, 0, 0, 0, 1],
];

/**
 * Each place twice in both directions, then a 3×3 convolution, in 4/9 of the multiplications: where every place stands twice, a kernel sees
 * only 2×2 different ones, so its weights can be added beforehand. One small convolution each for even and odd rows and columns.
 */
export function upsample(context: Context, x: Value, prefix: string): Value {
  const { graph } = context;
  const weight = graph.weight(parameter(context, `${prefix}.conv.weight`, [-1, -1, 3, 3]));
  const bias = graph.weight(parameter(context, `${prefix}.conv.bias`, [-1]));
  const taps = TAPS.map((rows) => graph.constant('float32', [2, 3], rows));
  const columns = taps.map((rows) => graph.add('Transpose', [rows], { perm: [1, 0] }));
  const phase = (row: number, column: number) =>
    graph.add('Conv', [x, graph.add('MatMul', [graph.add('MatMul', [taps[row], weight]), columns[column]]), bias], {
      kernel_shape: [2, 2],
      pads: [1 - row, 1 - column, row, column],
    });
  const phases = [phase(0, 0), phase(0, 1), phase(1, 0), phase(1, 1)];
  return graph.add('DepthToSpace', [graph.add('Concat', phases, { axis: 1 })], { blocksize: 2, mode: 'DCR' });
}

/** [B, C, H, W] → [B, H·W, C]. */
export function toTokens({ graph }: Context, x: Value): Value {
  return graph.add('Transpose', [graph.add('Reshape', [x, graph.ints(0, 0, -1)])], { perm: [0, 2, 1] });
}

/** [B, H·W, C] → [B, C, H, W], the shape of `like`. */
export function fromTokens({ graph }: Context, tokens: Value, like: Value): Value {
  return graph.add('Reshape', [graph.add('Transpose', [tokens], { perm: [0, 2, 1] }), graph.add('Shape', [like])]);
}

/**
 * A residual block: norm, SiLU, convolution, the embedding of the time (where the model has one) added to every place; norm, SiLU,
 * convolution; and the input added, through a convolution if its channels differ. `time`: [B, T], after its SiLU.
 */
export function residualBlock(
  context: PictureContext,
  x: Value,
  { prefix, time }: { prefix: string; time?: (prefix: string) => Value },
): Value {
  const { graph, parameters } = context;
  const first = conv2d(context, groupNormSilu(context, x, `${prefix}.norm1`), { prefix: `${prefix}.conv1` });
  const timed = time ? graph.add('Add', [first, time(`${prefix}.time_emb_proj`)]) : first;
  const second = conv2d(context, groupNormSilu(context, timed, `${prefix}.norm2`), { prefix: `${prefix}.conv2` });
  const shortcut = `${prefix}.conv_shortcut`;
  const skip = parameters.find(`${shortcut}.weight`) ? conv2d(context, x, { prefix: shortcut }) : x;
  return graph.add('Add', [skip, second]);
}
