// A U-Net's parameters and, where there is one, its config.json → what its graph is built from. Whatever the tensors tell is read off them.
import { InputError } from '../errors.ts';
import type { Parameters } from './layers.ts';

/** Residual blocks at one size of the picture. */
export interface UnetStage {
  /** For each residual block, the transformer blocks that follow it; 0 for none. */
  readonly depths: readonly number[];
  readonly heads: number;
  /** Whether it ends with a change of size. */
  readonly resamples: boolean;
}

export interface UnetConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
  readonly down: readonly UnetStage[];
  /** A few distilled models have none. */
  readonly mid: UnetStage | undefined;
  readonly up: readonly UnetStage[];
  /** Of the prompt's states. */
  readonly contextWidth: number;
  /** LCM: width of the guidance's embedding. */
  readonly guidanceWidth: number | undefined;
  /** XL: `count` sizes, each embedded in `width` numbers, beside the pooled text. */
  readonly sizes: { readonly count: number; readonly width: number; readonly pooledWidth: number } | undefined;
}

/** diffusers' config.json, as it was read. */
export type UnetHints = Readonly<Record<string, unknown>>;

/** Known to be built otherwise: a tensor → what it belongs to. */
const FOREIGN: Readonly<Record<string, string>> = {
  'class_embedding.weight': 'class labels',
  'class_embedding.linear_1.weight': 'class labels or noise levels (unCLIP, upscalers)',
  'encoder_hid_proj.weight': 'a projection of another text encoder',
  'add_embedding.image_proj.weight': 'an image embedding (Kandinsky)',
  'position_net.linears.0.weight': 'boxes (GLIGEN)',
  'controlnet_cond_embedding.conv_in.weight': 'a ControlNet',
  'controlnet_down_blocks.0.weight': 'a ControlNet',
  'down_blocks.0.motion_modules.0.proj_in.weight': 'motion (AnimateDiff)',
  'down_blocks.0.attentions.0.to_q.weight': 'attention without a prompt',
  'down_blocks.0.downsamplers.0.conv1.weight': 'residual resampling',
};

/** Settings of config.json that change the computation, with the value that is built here. */
const BUILT: Readonly<Record<string, readonly unknown[]>> = {
  act_fn: ['silu', 'swish'],
  center_input_sample: [false],
  dual_cross_attention: [false],
  flip_sin_to_cos: [true],
  freq_shift: [0],
  mid_block_scale_factor: [1],
  norm_eps: [1e-5],
  resnet_time_scale_shift: ['default'],
  time_embedding_type: ['positional'],
  timestep_post_act: [null],
};

/**
 * Reads a U-Net's config. Only the heads of attention can't be seen in the tensors: they are taken from `hints` or, without any, from the
 * rule of the model's family, known by the width of the prompt's states. Throws MODEL_INVALID for a missing tensor, MODEL_UNSUPPORTED for what
 * is built otherwise, naming the tensor or the setting.
 */
export function unetConfigOf(parameters: Parameters, hints: UnetHints = {}): UnetConfig {
  refuseForeign(parameters, hints);
  const [, inChannels] = dimsOf(parameters, 'conv_in.weight', 4);
  const [outChannels] = dimsOf(parameters, 'conv_out.weight', 4);
  if (inChannels !== outChannels)
    throw unsupported(
      parameters,
      `its "conv_in.weight" takes ${inChannels} channels and its "conv_out.weight" gives ${outChannels}, as models for inpainting and editing do`,
    );
  const [down, up] = ['down_blocks', 'up_blocks'].map((blocks) => foundStages(parameters, blocks));
  const middle = foundStage(parameters, 'mid_block');
  const contextWidth = contextWidthOf(parameters, [...down, ...up, middle]);
  const heads = headsOf(parameters, { hints, contextWidth, channels: down.map((stage) => stage.channels) });
  const stage = ({ depths, resamples }: FoundStage, level: number) => ({ depths, resamples, heads: heads[level] });
  return {
    inChannels,
    outChannels,
    groups: typeof hints.norm_num_groups === 'number' ? hints.norm_num_groups : 32,
    down: down.map(stage),
    mid: middle.depths.length > 0 ? stage(middle, down.length - 1) : undefined,
    up: up.map((found, i) => stage(found, down.length - 1 - i)),
    contextWidth,
    guidanceWidth: parameters.find('time_embedding.cond_proj.weight')?.dims[1],
    sizes: sizesOf(parameters, hints, contextWidth),
  };
}

function refuseForeign(parameters: Parameters, hints: UnetHints): void {
  for (const [name, what] of Object.entries(FOREIGN))
    if (parameters.find(name)) throw unsupported(parameters, `its "${name}" belongs to ${what}`);
  for (const [name, built] of Object.entries(BUILT))
    if (Object.hasOwn(hints, name) && !built.includes(hints[name]))
      throw unsupported(parameters, `its config.json sets ${name} to ${JSON.stringify(hints[name])}, not ${built[0]}`);
}

interface FoundStage {
  readonly prefix: string;
  /** Of its residual blocks. */
  readonly channels: number;
  readonly depths: readonly number[];
  readonly resamples: boolean;
}

function foundStages(parameters: Parameters, blocks: string): FoundStage[] {
  const count = countWhile((i) => has(parameters, `${blocks}.${i}.resnets.0.norm1.weight`));
  return Array.from({ length: count }, (_, i) => foundStage(parameters, `${blocks}.${i}`));
}

function foundStage(parameters: Parameters, prefix: string): FoundStage {
  const resnets = countWhile((i) => has(parameters, `${prefix}.resnets.${i}.norm1.weight`));
  const depthAfter = (i: number) =>
    countWhile((j) => has(parameters, `${prefix}.attentions.${i}.transformer_blocks.${j}.norm1.weight`));
  return {
    prefix,
    channels: resnets === 0 ? 0 : dimsOf(parameters, `${prefix}.resnets.0.conv1.weight`, 4)[0],
    depths: Array.from({ length: resnets }, (_, i) => depthAfter(i)),
    resamples: ['downsamplers', 'upsamplers'].some((name) => has(parameters, `${prefix}.${name}.0.conv.weight`)),
  };
}

function contextWidthOf(parameters: Parameters, stages: readonly FoundStage[]): number {
  for (const { prefix, depths } of stages) {
    const i = depths.findIndex((depth) => depth > 0);
    if (i >= 0) return dimsOf(parameters, `${prefix}.attentions.${i}.transformer_blocks.0.attn2.to_k.weight`, 2)[1];
  }
  throw unsupported(parameters, 'it has no "attn2.to_k.weight": no part of it looks at the prompt');
}

interface HeadsQuestion {
  readonly hints: UnetHints;
  readonly contextWidth: number;
  /** By level. */
  readonly channels: readonly number[];
}

/** Heads by level. diffusers' `attention_head_dim` is their number, in spite of its name. */
function headsOf(parameters: Parameters, { hints, contextWidth, channels }: HeadsQuestion): readonly number[] {
  const given = hints.num_attention_heads ?? hints.attention_head_dim;
  const heads =
    given === undefined ? knownHeads(parameters, contextWidth, channels) : channels.map((_, i) => pick(given, i));
  const wrong = heads.findIndex((count, i) => !Number.isInteger(channels[i] / count) || count < 1);
  if (wrong < 0) return heads;
  throw unsupported(
    parameters,
    `${channels[wrong]} channels cannot be divided among ${heads[wrong]} heads of attention`,
  );
}

const pick = (given: unknown, i: number): number => Number(Array.isArray(given) ? given[i] : given);

/** Stable Diffusion 1: 8 heads. 2, XL and its refiner: 64 channels a head. */
function knownHeads(parameters: Parameters, contextWidth: number, channels: readonly number[]): number[] {
  if (contextWidth === 768) return channels.map(() => 8);
  if ([1024, 1280, 2048].includes(contextWidth)) return channels.map((count) => count / 64);
  throw unsupported(
    parameters,
    `prompts of width ${contextWidth} (its "attn2.to_k.weight") are those of no family that is known here, and the number of its heads of attention can't be seen in the tensors; diffusers' config.json beside it would tell`,
  );
}

/** The waves of XL's sizes are 256 wide; there are 6, or 5 in the refiner. */
function sizesOf(parameters: Parameters, hints: UnetHints, contextWidth: number): UnetConfig['sizes'] {
  if (!has(parameters, 'add_embedding.linear_1.weight')) return undefined;
  const [, both] = dimsOf(parameters, 'add_embedding.linear_1.weight', 2);
  const width = typeof hints.addition_time_embed_dim === 'number' ? hints.addition_time_embed_dim : 256;
  const count = contextWidth === 1280 ? 5 : 6;
  const pooledWidth = both - count * width;
  if (pooledWidth > 0) return { count, width, pooledWidth };
  throw unsupported(
    parameters,
    `its "add_embedding.linear_1.weight" takes ${both} numbers, too few for ${count} sizes`,
  );
}

const has = (parameters: Parameters, name: string): boolean => parameters.find(name) !== undefined;

function dimsOf(parameters: Parameters, name: string, rank: number): readonly number[] {
  const weight = parameters.find(name);
  if (!weight) throw new InputError('MODEL_INVALID', `${parameters.source} lacks the weight "${name}".`);
  if (weight.dims.length === rank) return weight.dims;
  throw unsupported(
    parameters,
    `its "${weight.name}" is [${weight.dims}]; ${rank} dimensions are needed (five would be a model for video)`,
  );
}

function countWhile(holds: (i: number) => boolean): number {
  let count = 0;
  while (holds(count)) count++;
  return count;
}

const unsupported = (parameters: Parameters, why: string): InputError =>
  new InputError('MODEL_UNSUPPORTED', `${parameters.source} is not a U-Net that can be built here: ${why}.`);
