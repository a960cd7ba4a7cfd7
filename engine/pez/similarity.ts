// The objective as a piece of graph: a text embedding's similarity to a direction.
import type { Model, Node } from '../onnx/graph.ts';
import { tensor } from '../onnx/tensor.ts';

/** Output [B, 1]. */
export const SIMILARITY = 'pez/similarity';
/** Output [B, P]: the text embedding at unit length. */
export const UNIT = 'pez/unit_embedding';
/** Input [B, P]. */
export const DIRECTION = 'pez/direction';

/**
 * Adds ê = e/|e| and similarity = ê·direction to a text tower whose output `e` is [B, P].
 * The sums are products with a column of ones, which is written alike in every opset.
 */
export function withSimilarity(
  model: Model,
  e: string,
  { batch, embeddingSize }: { batch: number; embeddingSize: number },
): Model {
  const node = (op: string, inputs: string[], name: string): Node => ({
    op,
    domain: '',
    name,
    inputs,
    outputs: [name],
    attributes: new Map(),
  });
  const ones = tensor('float32', [embeddingSize, 1], new Float32Array(embeddingSize).fill(1));
  return {
    ...model,
    inputs: [...model.inputs, { name: DIRECTION, type: 'float32', dims: [batch, embeddingSize] }],
    constants: new Map([...model.constants, ['pez/ones', ones]]),
    nodes: [
      ...model.nodes,
      node('Mul', [e, e], 'pez/squares'),
      node('MatMul', ['pez/squares', 'pez/ones'], 'pez/square_norm'),
      node('Sqrt', ['pez/square_norm'], 'pez/norm'),
      node('Div', [e, 'pez/norm'], UNIT),
      node('Mul', [UNIT, DIRECTION], 'pez/products'),
      node('MatMul', ['pez/products', 'pez/ones'], SIMILARITY),
    ],
  };
}
