// The layers of U-Net and autoencoder: pictures are [batch, channels, height, width].
import { reshaped } from '../safetensors/weights.ts';
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
export function conv2d(context: Context, x: Value, { prefix, stride = 1, pads }: ConvOptions): Value {
  const { graph, parameters } = context;
  const weight = parameter(context, `${prefix}.weight`, [-1, -1, -1, -1]);
  const half = weight.dims[2] >> 1;
  const bias = parameters.find(`${prefix}.bias`);
  const steps = { strides: [stride, stride], pads: pads ?? [half, half, half, half] };
  const y = graph.add('Conv', [x, graph.weight(weight), ...(bias ? [graph.weight(bias)] : [])], {
    kernel_shape: weight.dims.slice(2),
    ...steps,
  });
  return addConvBranches({ graph, loras: parameters.loras, prefix, dims: weight.dims, x, y }, steps);
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

/** Each place twice in both directions, or as often as it takes for the height and width of `like`; then a convolution. */
export function upsample(context: Context, x: Value, { prefix, like }: { prefix: string; like?: Value }): Value {
  const { graph } = context;
  const scales = graph.constant('float32', [4], [1, 1, 2, 2]);
  const size = like && [
    graph.add('Concat', [graph.add('Shape', [x], { end: 2 }), graph.add('Shape', [like], { start: 2 })], { axis: 0 }),
  ];
  const large = graph.add('Resize', [x, '', ...(size ? ['', ...size] : [scales])], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
  return conv2d(context, large, { prefix: `${prefix}.conv` });
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
