// The parameters of an AutoencoderKL (under diffusers' names) → the graphs of its decoder and its encoder.
import { InputError } from '../errors.ts';
import type { Device } from '../onnx/device.ts';
import { attention } from './attention.ts';
import { GraphBuilder, type Value, type WeightGraph } from './graph-builder.ts';
import { linear, type Parameters, parameter } from './layers.ts';
import {
  type AttentionForm,
  conv2d,
  fromTokens,
  groupNorm,
  groupNormSilu,
  type PictureContext,
  residualBlock,
  toTokens,
  upsample,
} from './picture-layers.ts';

export interface VaeOptions {
  readonly parameters: Parameters;
  /** Default 32, as all known ones have. */
  readonly groups?: number;
  /** 'plain': ops that the gradient engine knows; default 'fused', which takes far less memory. */
  readonly attention?: AttentionForm;
  /** Where it will run, default 'cpu'. */
  readonly device?: Device;
}

/**
 * `latent_sample` [batch, C, height, width] → `sample` [batch, 3, 8·height, 8·width] (8: with three upsamplers). Throws MODEL_INVALID or
 * MODEL_UNSUPPORTED, naming the parameter.
 */
export function buildVaeDecoder(options: VaeOptions): WeightGraph {
  const context = contextOf(options);
  const { graph, parameters } = context;
  const [, channels] = kernel(context, 'decoder.conv_in');
  const latent = graph.input('latent_sample', 'float32', ['batch', channels, 'height', 'width']);
  const start = parameters.find('post_quant_conv.weight')
    ? conv2d(context, latent, { prefix: 'post_quant_conv' })
    : latent;
  let x = middle(context, conv2d(context, start, { prefix: 'decoder.conv_in' }), 'decoder.mid_block');
  const blocks = 'decoder.up_blocks';
  for (let i = 0; has(context, `${blocks}.${i}.resnets.0.norm1`); i++) {
    x = residualBlocks(context, x, `${blocks}.${i}`);
    const prefix = `${blocks}.${i}.upsamplers.0`;
    if (has(context, `${prefix}.conv`)) x = upsample(context, x, prefix);
  }
  const out = conv2d(context, groupNormSilu(context, x, 'decoder.conv_norm_out'), { prefix: 'decoder.conv_out' });
  const [colours] = kernel(context, 'decoder.conv_out');
  graph.output('sample', out, ['batch', colours, 'picture_height', 'picture_width']);
  return graph.build();
}

/** `sample` [batch, 3, H, W] → `latent_parameters` [batch, 2·C, H/8, W/8]: means, then logarithms of variances. Throws the same. */
export function buildVaeEncoder(options: VaeOptions): WeightGraph {
  const context = contextOf(options);
  const { graph, parameters } = context;
  const [, colours] = kernel(context, 'encoder.conv_in');
  const sample = graph.input('sample', 'float32', ['batch', colours, 'height', 'width']);
  let x = conv2d(context, sample, { prefix: 'encoder.conv_in' });
  const blocks = 'encoder.down_blocks';
  for (let i = 0; has(context, `${blocks}.${i}.resnets.0.norm1`); i++) {
    x = residualBlocks(context, x, `${blocks}.${i}`);
    const prefix = `${blocks}.${i}.downsamplers.0.conv`;
    // Half the size from windows that begin at even places: one more row and column of zeros at the end.
    if (has(context, prefix)) x = conv2d(context, x, { prefix, stride: 2, pads: [0, 0, 1, 1] });
  }
  const normal = groupNormSilu(context, middle(context, x, 'encoder.mid_block'), 'encoder.conv_norm_out');
  const out = conv2d(context, normal, { prefix: 'encoder.conv_out' });
  const [parts] = kernel(context, 'encoder.conv_out');
  const parametersOut = parameters.find('quant_conv.weight') ? conv2d(context, out, { prefix: 'quant_conv' }) : out;
  graph.output('latent_parameters', parametersOut, ['batch', parts, 'latent_height', 'latent_width']);
  return graph.build();
}

function contextOf({ parameters, groups = 32, attention = 'fused', device = 'cpu' }: VaeOptions): PictureContext {
  return { graph: new GraphBuilder(parameters.source), parameters, groups, attention, device, epsilon: 1e-6 };
}

const has = ({ parameters }: PictureContext, prefix: string): boolean =>
  parameters.find(`${prefix}.weight`) !== undefined;

/** Shape of a convolution's weight. */
function kernel(context: PictureContext, prefix: string): readonly number[] {
  const { parameters } = context;
  const { dims, name } = parameter(context, `${prefix}.weight`, parameters.find(`${prefix}.weight`)?.dims ?? []);
  if (dims.length === 4) return dims;
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `${parameters.source} is not an autoencoder that can be built here: its "${name}" is [${dims}]; four dimensions are needed (five would be one for video).`,
  );
}

function residualBlocks(context: PictureContext, x: Value, prefix: string): Value {
  let value = x;
  for (let i = 0; has(context, `${prefix}.resnets.${i}.norm1`); i++)
    value = residualBlock(context, value, { prefix: `${prefix}.resnets.${i}` });
  return value;
}

function middle(context: PictureContext, x: Value, prefix: string): Value {
  const first = residualBlock(context, x, { prefix: `${prefix}.resnets.0` });
  const attended = has(context, `${prefix}.attentions.0.group_norm`)
    ? selfAttention(context, first, `${prefix}.attentions.0`)
    : first;
  return residualBlock(context, attended, { prefix: `${prefix}.resnets.1` });
}

/** The names of today and those of older files. */
const NEW_NAMES = ['to_q', 'to_k', 'to_v', 'to_out.0'];
const OLD_NAMES = ['query', 'key', 'value', 'proj_attn'];

/** Every place looks at all others, with one head. */
function selfAttention(context: PictureContext, x: Value, prefix: string): Value {
  const { graph } = context;
  const names = has(context, `${prefix}.query`) ? OLD_NAMES : NEW_NAMES;
  const tokens = toTokens(context, groupNorm(context, x, { prefix: `${prefix}.group_norm` }));
  const [query, key, value] = names.slice(0, 3).map((name) => linear(context, tokens, `${prefix}.${name}`));
  const [width] = parameter(context, `${prefix}.group_norm.weight`, [-1]).dims;
  const read = attention(graph, { query, key, value, heads: 1, width, form: context.attention });
  return graph.add('Add', [fromTokens(context, linear(context, read, `${prefix}.${names[3]}`), x), x]);
}
