// The layers that CLIP, U-Net and autoencoder are made of, as ONNX nodes. A layer is named by its prefix: "mid_block.resnets.0.norm1" has
// the parameters "….weight" and "….bias". Where they stand in the user's file is the layout's business.
import { InputError } from '../errors.ts';
import { reshaped, rows, type Weight } from '../safetensors/weights.ts';
import { float, type GraphBuilder, type Value } from './graph-builder.ts';

/** Parameters by their canonical names: those of transformers for CLIP, of diffusers for U-Net and autoencoder. */
export interface Parameters {
  /** For messages. */
  readonly source: string;
  /** The parameter; undefined if the model has none of that name. */
  find(name: string): Weight | undefined;
}

/** A graph under construction and the parameters that it is made from. */
export interface Context {
  readonly graph: GraphBuilder;
  readonly parameters: Parameters;
}

/** The parameter of that name. Throws MODEL_INVALID if there is none, or if its shape is not `dims` (where −1 fits any size). */
export function parameter({ parameters }: Context, name: string, dims: readonly number[]): Weight {
  const weight = parameters.find(name);
  if (!weight) throw new InputError('MODEL_INVALID', `${parameters.source} lacks the weight "${name}".`);
  const fits = weight.dims.length === dims.length && dims.every((d, i) => d === -1 || d === weight.dims[i]);
  if (fits) return weight;
  throw new InputError(
    'MODEL_INVALID',
    `${parameters.source}: the weight "${weight.name}" is [${weight.dims}]; [${dims.map((d) => (d === -1 ? 'any' : d))}] is needed.`,
  );
}

/** y = x·Wᵀ + b over the last axis: x [..., in] → [..., out]. A 1×1 convolution's weight [out, in, 1, 1] is taken, too. */
export function linear(context: Context, x: Value, prefix: string): Value {
  const { graph, parameters } = context;
  const found = parameters.find(`${prefix}.weight`);
  const flat = found?.dims.length === 4 ? reshaped(found, found.dims.slice(0, 2)) : found;
  const weight = flat ?? parameter(context, `${prefix}.weight`, [-1, -1]);
  const product = graph.add('MatMul', [x, transposed(graph, weight)]);
  const bias = parameters.find(`${prefix}.bias`);
  return bias ? graph.add('Add', [product, graph.weight(bias)]) : product;
}

/** [out, in] → [in, out], which onnxruntime computes once, when the session is made. */
export const transposed = (graph: GraphBuilder, weight: Weight): Value =>
  graph.add('Transpose', [graph.weight(weight)], { perm: [1, 0] });

/** Part `index` of `count` equal parts of a parameter's rows. */
export const part = (weight: Weight, index: number, count: number): Weight => {
  const size = weight.dims[0] / count;
  return rows(weight, index * size, (index + 1) * size);
};

/** Normalises the last axis. */
export function layerNorm(context: Context, x: Value, { prefix, epsilon }: { prefix: string; epsilon: number }): Value {
  const { graph } = context;
  const [scale, bias] = ['weight', 'bias'].map((name) => graph.weight(parameter(context, `${prefix}.${name}`, [-1])));
  return graph.add('LayerNormalization', [x, scale, bias], { axis: -1, epsilon: float(epsilon) });
}

/** x·σ(1.702·x), OpenAI's approximation. */
export function quickGelu({ graph }: Context, x: Value): Value {
  return graph.add('Mul', [x, graph.add('Sigmoid', [graph.add('Mul', [x, graph.scalar(1.702)])])]);
}

/** x·Φ(x), exact. */
export const gelu = ({ graph }: Context, x: Value): Value => graph.add('Gelu', [x]);

/** x·σ(x). */
export const silu = ({ graph }: Context, x: Value): Value => graph.add('Mul', [x, graph.add('Sigmoid', [x])]);
