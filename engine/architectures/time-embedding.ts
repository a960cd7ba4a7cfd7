// Timestep (and XL's sizes, LCM's guidance) → the embedding that every residual block of a U-Net receives.
import type { Value } from './graph-builder.ts';
import { type Context, linear, parameter, silu } from './layers.ts';

/** Cosines, then sines, of x at `width`/2 frequencies from 1 to 1/10000: [..., 1] → [..., width] (Vaswani et al. 2017). */
function waves({ graph }: Context, x: Value, width: number): Value {
  const half = width / 2;
  const frequencies = Array.from({ length: half }, (_, i) => 10_000 ** (-i / half));
  const angles = graph.add('Mul', [x, graph.constant('float32', [half], frequencies)]);
  return graph.add('Concat', [graph.add('Cos', [angles]), graph.add('Sin', [angles])], { axis: -1 });
}

const twoLayers = (context: Context, x: Value, prefix: string): Value =>
  linear(context, silu(context, linear(context, x, `${prefix}.linear_1`)), `${prefix}.linear_2`);

interface TimeInputs {
  /** [B] */
  readonly timestep: Value;
  /** LCM's, [B, G]. */
  readonly guidance?: Value | undefined;
  readonly sizes?: { readonly pooled: Value; readonly timeIds: Value; readonly width: number } | undefined;
}

/** [B, T], after the SiLU that each block would begin with. */
export function timeEmbedding(context: Context, { timestep, guidance, sizes }: TimeInputs): Value {
  const { graph } = context;
  const [, width] = parameter(context, 'time_embedding.linear_1.weight', [-1, -1]).dims;
  const time = waves(context, graph.add('Unsqueeze', [timestep, graph.ints(1)]), width);
  const guided = guidance ? graph.add('Add', [time, linear(context, guidance, 'time_embedding.cond_proj')]) : time;
  const embedding = twoLayers(context, guided, 'time_embedding');
  return silu(context, sizes ? graph.add('Add', [embedding, sizeEmbedding(context, sizes)]) : embedding);
}

/** XL: the pooled text beside the waves of each size. */
function sizeEmbedding(context: Context, { pooled, timeIds, width }: NonNullable<TimeInputs['sizes']>): Value {
  const { graph } = context;
  const each = waves(context, graph.add('Unsqueeze', [timeIds, graph.ints(2)]), width);
  const flat = graph.add('Reshape', [each, graph.ints(0, -1)]);
  return twoLayers(context, graph.add('Concat', [pooled, flat], { axis: -1 }), 'add_embedding');
}
