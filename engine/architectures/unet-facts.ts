// A U-Net in a file → the few numbers that tell one kind from another.
import type { Weights } from '../safetensors/weights.ts';
import type { Part } from './layouts/find-parts.ts';

export interface UnetFacts {
  readonly inChannels: number;
  /** Channels of the first level. */
  readonly channels: number;
  /** Width of the hidden states that it attends to; undefined if it attends to none. */
  readonly context?: number;
  /** Width of what goes in beside the timestep: SD XL's pooled embedding and sizes. */
  readonly classWidth?: number;
  /** Whether attention blocks begin with a matrix (SD 2, XL) rather than a 1×1 convolution. */
  readonly linear: boolean;
  /** Whether it takes the guidance scale as an embedding (LCM). */
  readonly guidanceEmbedding: boolean;
  /** Whether it has layers over time. */
  readonly video: boolean;
  /** Transformer blocks in each attention layer of the way down. */
  readonly depths: readonly number[];
  /** Whether there is attention at the lowest resolution. */
  readonly middleAttention: boolean;
}

interface Names {
  readonly first: string;
  readonly classes: string;
  readonly guidance: string;
  /** Of a transformer block on the way down: its attention layer, and which block it is. */
  readonly block: RegExp;
  readonly middle: string;
}

const NAMES: Readonly<Record<'original' | 'diffusers', Names>> = {
  original: {
    first: 'input_blocks.0.0.weight',
    classes: 'label_emb.0.0.weight',
    guidance: 'time_embed.cond_proj.weight',
    block: /^input_blocks\.(\d+\.1)\.transformer_blocks\.(\d+)\.attn2\.to_k\.weight$/,
    middle: 'middle_block.1.proj_in.weight',
  },
  diffusers: {
    first: 'conv_in.weight',
    classes: 'add_embedding.linear_1.weight',
    guidance: 'time_embedding.cond_proj.weight',
    block: /^down_blocks\.(\d+\.attentions\.\d+)\.transformer_blocks\.(\d+)\.attn2\.to_k\.weight$/,
    middle: 'mid_block.attentions.0.proj_in.weight',
  },
};

export function unetFacts(weights: Weights, { layout, prefix }: Part): UnetFacts {
  const names = NAMES[layout === 'original' ? layout : 'diffusers'];
  const dims = (name: string) => weights.dims(prefix + name);
  const depths = new Map<string, number>();
  let context: number | undefined;
  let linear = false;
  let video = false;
  for (const full of weights.names) {
    if (!full.startsWith(prefix)) continue;
    const name = full.slice(prefix.length);
    if (/\.time_(stack|mix_blocks)\.|\.temporal_transformer_blocks\./.test(name)) video = true;
    const [, layer, block] = names.block.exec(name) ?? [];
    if (layer === undefined) continue;
    depths.set(layer, Math.max(depths.get(layer) ?? 0, Number(block) + 1));
    context ??= weights.dims(full)?.[1];
    linear ||= weights.dims(`${full.slice(0, full.indexOf('.transformer_blocks.'))}.proj_in.weight`)?.length === 2;
  }
  const first = dims(names.first) ?? [];
  return {
    inChannels: first[1] ?? 0,
    channels: first[0] ?? 0,
    context,
    classWidth: dims(names.classes)?.[1],
    linear,
    guidanceEmbedding: dims(names.guidance) !== undefined,
    video,
    depths: [...depths].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })).map(([, depth]) => depth),
    middleAttention: dims(names.middle) !== undefined,
  };
}

/** Smaller relatives of SD XL, by the depths of their attention layers. */
const DISTILLED: Readonly<Record<string, string>> = {
  '2,2,4,4': 'SSD-1B (distilled SD XL)',
  '1,1,2,2': 'Segmind Vega (distilled SD XL)',
  '2,5': 'KOALA 700M (distilled SD XL)',
  '2,6': 'KOALA 1B (distilled SD XL)',
};

export const distilledName = ({ depths, context }: UnetFacts): string | undefined =>
  context === 2048 ? DISTILLED[depths.join()] : undefined;
