// A picture and the prompt's states → the picture after self-attention, attention to the prompt and a gated feed-forward layer.
import { attention } from './attention.ts';
import type { Value } from './graph-builder.ts';
import { gelu, layerNorm, linear, parameter } from './layers.ts';
import { fromTokens, groupNorm, type PictureContext, toTokens } from './picture-layers.ts';

interface TransformerOptions {
  readonly prefix: string;
  readonly heads: number;
  /** Blocks one after the other. */
  readonly depth: number;
  /** [B, length, width] */
  readonly states: Value;
}

/** [B, C, H, W] → the same shape. Its projections are matrices, or 1×1 convolutions in older models, which is the same. */
export function spatialTransformer(context: PictureContext, x: Value, options: TransformerOptions): Value {
  const { prefix, depth } = options;
  const normal = groupNorm(context, x, { prefix: `${prefix}.norm`, epsilon: 1e-6 });
  let tokens = linear(context, toTokens(context, normal), `${prefix}.proj_in`);
  for (let i = 0; i < depth; i++)
    tokens = transformerBlock(context, tokens, { ...options, prefix: `${prefix}.transformer_blocks.${i}` });
  const out = fromTokens(context, linear(context, tokens, `${prefix}.proj_out`), x);
  return context.graph.add('Add', [out, x]);
}

type BlockOptions = Omit<TransformerOptions, 'depth'>;

function transformerBlock(context: PictureContext, x: Value, { prefix, heads, states }: BlockOptions): Value {
  const { graph } = context;
  const norm = (value: Value, name: string) =>
    layerNorm(context, value, { prefix: `${prefix}.${name}`, epsilon: 1e-5 });
  const own = norm(x, 'norm1');
  const self = attend(context, { prefix: `${prefix}.attn1`, from: own, to: own, heads });
  const first = graph.add('Add', [self, x]);
  const cross = attend(context, { prefix: `${prefix}.attn2`, from: norm(first, 'norm2'), to: states, heads });
  const second = graph.add('Add', [cross, first]);
  return graph.add('Add', [feedForward(context, norm(second, 'norm3'), `${prefix}.ff`), second]);
}

interface AttendOptions {
  readonly prefix: string;
  /** Where the queries come from, [B, L, C] */
  readonly from: Value;
  /** Where keys and values come from. */
  readonly to: Value;
  readonly heads: number;
}

function attend(context: PictureContext, { prefix, from, to, heads }: AttendOptions): Value {
  const [width] = parameter(context, `${prefix}.to_q.weight`, [-1, -1]).dims;
  const [query, key, value] = [
    linear(context, from, `${prefix}.to_q`),
    linear(context, to, `${prefix}.to_k`),
    linear(context, to, `${prefix}.to_v`),
  ];
  const read = attention(context.graph, { query, key, value, heads, width, form: context.attention });
  return linear(context, read, `${prefix}.to_out.0`);
}

/** GEGLU: (x·W + b)·gelu(x·V + c), then a matrix back to the width of x. W and V are the halves of one matrix. */
function feedForward(context: PictureContext, x: Value, prefix: string): Value {
  const { graph } = context;
  const both = linear(context, x, `${prefix}.net.0.proj`);
  const [hidden, gate] = graph.addMany('Split', [both], { attributes: { axis: -1, num_outputs: 2 }, count: 2 });
  return linear(context, graph.add('Mul', [hidden, gelu(context, gate)]), `${prefix}.net.2`);
}
