// Queries, keys and values → what each query reads: softmax(q·kᵀ/√d)·v, by heads.
import { float, type GraphBuilder, type Value } from './graph-builder.ts';
import type { AttentionForm } from './picture-layers.ts';

interface AttentionInputs {
  /** [B, L, heads·d] */
  readonly query: Value;
  /** [B, S, heads·d] */
  readonly key: Value;
  readonly value: Value;
  readonly heads: number;
  /** Of query, key and value: heads·d. */
  readonly width: number;
  readonly form: AttentionForm;
}

/**
 * [B, L, heads·d]. The fused form works through blocks of queries and keys that fit the cache, so it never holds the whole [L, S]
 * (1 GB for the autoencoder's at 1024 px); the plain form does, and can be differentiated.
 */
export function attention(graph: GraphBuilder, { query, key, value, heads, width, form }: AttentionInputs): Value {
  const scale = 1 / Math.sqrt(width / heads);
  if (form === 'fused')
    return graph.add(
      'MultiHeadAttention',
      [query, key, value],
      { num_heads: heads, scale: float(scale) },
      'com.microsoft',
    );
  const split = (x: Value, perm: number[]) =>
    graph.add('Transpose', [graph.add('Reshape', [x, graph.ints(0, 0, heads, width / heads)])], { perm });
  const scaled = graph.add('Mul', [query, graph.scalar(scale)]);
  const scores = graph.add('MatMul', [split(scaled, [0, 2, 1, 3]), split(key, [0, 2, 3, 1])]);
  const read = graph.add('MatMul', [graph.add('Softmax', [scores], { axis: -1 }), split(value, [0, 2, 1, 3])]);
  return graph.add('Reshape', [graph.add('Transpose', [read], { perm: [0, 2, 1, 3] }), graph.ints(0, 0, width)]);
}
