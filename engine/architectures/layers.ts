// The layers that CLIP, U-Net and autoencoder are made of, as ONNX nodes. A layer is named by its prefix: "mid_block.resnets.0.norm1" has
// the parameters "….weight" and "….bias". Where they stand in the user's file is the layout's business.
import { InputError } from '../errors.ts';
import { reshaped, rows, type Weight } from '../safetensors/weights.ts';
import { float, type GraphBuilder, type Value } from './graph-builder.ts';
import { type AppliedLora, addLinearBranches } from './low-rank.ts';

/** Parameters by their canonical names: those of transformers for CLIP, of diffusers for U-Net and autoencoder. */
export interface Parameters {
  /** For messages. */
  readonly source: string;
  /** The parameter; undefined if the model has none of that name. */
  find(name: string): Weight | undefined;
  /** LoRAs at work: what is added to the outputs of layers. */
  readonly loras?: readonly AppliedLora[];
}

/** A graph under construction and the parameters that it is made from. */
export interface Context {
  readonly graph: GraphBuilder;
  readonly parameters: Parameters;
}

export const missing = (source: string, name: string): InputError =>
  new InputError('MODEL_INVALID', `${source} lacks the weight "${name}".`);

/** The parameter of that name. Throws MODEL_INVALID if there is none, or if its shape is not `dims` (where −1 fits any size). */
export function parameter({ parameters }: Pick<Context, 'parameters'>, name: string, dims: readonly number[]): Weight {
  const weight = parameters.find(name);
  if (!weight) throw missing(parameters.source, name);
  const fits = weight.dims.length === dims.length && dims.every((d, i) => d === -1 || d === weight.dims[i]);
  if (fits) return weight;
  throw new InputError(
    'MODEL_INVALID',
    `${parameters.source}: the weight "${weight.name}" is [${weight.dims}]; [${dims.map((d) => (d === -1 ? 'any' : d))}] is needed.`,
  );
}

/**
 * y = x·Wᵀ + b over the last axis: x [..., in] → [..., out]. A 1×1 convolution's weight [out, in, 1, 1] is taken, too. A layout whose file
 * keeps W as [in, out] gives it under the name "….transposed" instead of "….weight".
 *
 * One Gemm over the rows of x: onnxruntime packs W as it lies. A MatMul would need Wᵀ, and for a moment twice the memory.
 */
export function linear(context: Context, x: Value, prefix: string): Value {
  const { graph, parameters } = context;
  const { matrix, dims, transB } = matrixOf(context, prefix);
  const [out, input] = dims;
  const bias = parameters.find(`${prefix}.bias`);
  const flat = graph.add('Reshape', [x, graph.ints(-1, input)]);
  const product = graph.add('Gemm', [flat, matrix, ...(bias ? [graph.weight(bias)] : [])], { transB });
  const shape = graph.add('Concat', [graph.add('Shape', [x], { end: -1 }), graph.ints(out)], { axis: 0 });
  const y = graph.add('Reshape', [product, shape]);
  return addLinearBranches({ graph, loras: parameters.loras, prefix, dims, x, y });
}

/** The matrix of a linear layer as it is stored, the dims [out, in] of W, and whether the stored one is W or (0) its transpose. */
function matrixOf(context: Context, prefix: string): { matrix: Value; dims: readonly number[]; transB: 0 | 1 } {
  const { graph, parameters } = context;
  const ready = parameters.find(`${prefix}.transposed`);
  if (ready) return { matrix: graph.weight(ready), dims: [ready.dims[1], ready.dims[0]], transB: 0 };
  const found = parameters.find(`${prefix}.weight`);
  const flat = found?.dims.length === 4 ? reshaped(found, found.dims.slice(0, 2)) : found;
  const weight = flat ?? parameter(context, `${prefix}.weight`, [-1, -1]);
  return { matrix: graph.weight(weight), dims: weight.dims, transB: 1 };
}

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
