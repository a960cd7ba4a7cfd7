// A U-Net's config and parameters (under diffusers' names) → its graph, with the inputs and the output of diffusers' ONNX exports.
import type { Device } from '../onnx/device.ts';
import { GraphBuilder, type Value, type WeightGraph } from './graph-builder.ts';
import { linear, type Parameters } from './layers.ts';
import {
  type AttentionForm,
  conv2d,
  groupNormSilu,
  type PictureContext,
  residualBlock,
  upsampleLike,
} from './picture-layers.ts';
import { spatialTransformer } from './spatial-transformer.ts';
import { timeEmbedding } from './time-embedding.ts';
import type { UnetConfig, UnetStage } from './unet-config.ts';

export interface UnetOptions {
  readonly config: UnetConfig;
  readonly parameters: Parameters;
  /** 'plain': ops that the gradient engine knows; default 'fused', which is faster. */
  readonly attention?: AttentionForm;
  /** Where it will run, default 'cpu'; the graph works on all of them, but not equally fast. */
  readonly device?: Device;
}

/**
 * Inputs: `sample` [batch, C, height, width], `timestep` [batch], `encoder_hidden_states` [batch, length, width]; XL: `text_embeds`
 * [batch, P], `time_ids` [batch, 6]; LCM: `timestep_cond` [batch, G]. Output: `out_sample`, of the sample's shape. All float32. Throws
 * MODEL_INVALID for a missing parameter or one of the wrong shape.
 */
export function buildUnet({ config, parameters, attention = 'fused', device = 'cpu' }: UnetOptions): WeightGraph {
  const graph = new GraphBuilder(parameters.source);
  const context: PictureContext = { graph, parameters, attention, device, groups: config.groups, epsilon: 1e-5 };
  const sample = graph.input('sample', 'float32', ['batch', config.inChannels, 'height', 'width']);
  const timestep = graph.input('timestep', 'float32', ['batch']);
  const states = graph.input('encoder_hidden_states', 'float32', ['batch', 'length', config.contextWidth]);
  const time = timeOf(context, timestep, config);
  const stages: StageContext = { context, states, time };

  const skips: Value[] = [conv2d(context, sample, { prefix: 'conv_in' })];
  for (const [i, stage] of config.down.entries()) goDown(stages, skips, { prefix: `down_blocks.${i}`, stage });
  let x = skips[skips.length - 1];
  if (config.mid) x = middle(stages, x, { prefix: 'mid_block', stage: config.mid });
  for (const [i, stage] of config.up.entries()) x = goUp(stages, { x, skips }, { prefix: `up_blocks.${i}`, stage });
  const out = conv2d(context, groupNormSilu(context, x, 'conv_norm_out'), { prefix: 'conv_out' });
  graph.output('out_sample', out, ['batch', config.outChannels, 'height', 'width']);
  return graph.build();
}

/** Prefix of a block's projection → its part of the embedding of the time, [B, C, 1, 1]. */
type Time = (prefix: string) => Value;

function timeOf(context: PictureContext, timestep: Value, config: UnetConfig): Time {
  const { graph } = context;
  const { guidanceWidth, sizes } = config;
  const guidance = guidanceWidth && graph.input('timestep_cond', 'float32', ['batch', guidanceWidth]);
  const embedding = timeEmbedding(context, {
    timestep,
    guidance: guidance || undefined,
    sizes: sizes && {
      pooled: graph.input('text_embeds', 'float32', ['batch', sizes.pooledWidth]),
      timeIds: graph.input('time_ids', 'float32', ['batch', sizes.count]),
      width: sizes.width,
    },
  });
  return (prefix) => graph.add('Unsqueeze', [linear(context, embedding, prefix), graph.ints(2, 3)]);
}

interface StageContext {
  readonly context: PictureContext;
  readonly states: Value;
  readonly time: Time;
}

interface StageOptions {
  readonly prefix: string;
  readonly stage: UnetStage;
}

/** Adds what the way up will need to `skips`. */
function goDown(stages: StageContext, skips: Value[], { prefix, stage }: StageOptions): void {
  for (let i = 0; i < stage.depths.length; i++) {
    const x = residualBlock(stages.context, skips[skips.length - 1], {
      prefix: `${prefix}.resnets.${i}`,
      time: stages.time,
    });
    skips.push(attended(stages, x, { prefix, stage, i }));
  }
  if (stage.resamples)
    skips.push(conv2d(stages.context, skips[skips.length - 1], { prefix: `${prefix}.downsamplers.0.conv`, stride: 2 }));
}

function middle(stages: StageContext, x: Value, { prefix, stage }: StageOptions): Value {
  const block = (value: Value, i: number) =>
    residualBlock(stages.context, value, { prefix: `${prefix}.resnets.${i}`, time: stages.time });
  let value = block(x, 0);
  for (let i = 1; i < stage.depths.length; i++) value = block(attended(stages, value, { prefix, stage, i: i - 1 }), i);
  return value;
}

/** Takes what it needs from `skips`. A size that could not be halved evenly on the way down comes back from the skip. */
function goUp(
  stages: StageContext,
  { x, skips }: { x: Value; skips: Value[] },
  { prefix, stage }: StageOptions,
): Value {
  const { context, time } = stages;
  let value = x;
  for (let i = 0; i < stage.depths.length; i++) {
    const joined = context.graph.add('Concat', [value, skips.pop()!], { axis: 1 });
    value = residualBlock(context, joined, { prefix: `${prefix}.resnets.${i}`, time });
    value = attended(stages, value, { prefix, stage, i });
  }
  if (!stage.resamples) return value;
  return upsampleLike(context, value, { prefix: `${prefix}.upsamplers.0`, like: skips[skips.length - 1] });
}

/** After the i-th residual block, where the stage has attention there. */
function attended(
  { context, states }: StageContext,
  x: Value,
  { prefix, stage: { depths, heads }, i }: StageOptions & { i: number },
): Value {
  if (depths[i] === 0) return x;
  return spatialTransformer(context, x, { prefix: `${prefix}.attentions.${i}`, heads, depth: depths[i], states });
}
