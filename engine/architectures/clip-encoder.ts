// The stack of layers that both towers of a CLIP are made of: states [B, S, D] → states after each layer.
//
//   x ← x + attention(layer_norm1(x));  x ← x + fc2(act(fc1(layer_norm2(x))))
import { InputError } from '../errors.ts';
import type { Value } from './graph-builder.ts';
import { type Context, gelu, layerNorm, linear, missing, type Parameters, parameter, quickGelu } from './layers.ts';

export type ClipActivation = 'quick_gelu' | 'gelu';

export interface ClipEncoderConfig {
  readonly heads: number;
  readonly activation: ClipActivation;
  /** ε of the layer normalisations. */
  readonly epsilon: number;
}

export interface ClipEncoderOptions extends ClipEncoderConfig {
  /** "text_model" or "vision_model". */
  readonly prefix: string;
  /** D. */
  readonly width: number;
  /** Added to the attention scores, [S, S]; none if every position sees every other. */
  readonly mask?: Value;
}

/** The states before the first layer and after each. Throws MODEL_INVALID, MODEL_UNSUPPORTED. */
export function clipLayers(context: Context, x: Value, options: ClipEncoderOptions): Value[] {
  const { heads, prefix, width } = options;
  if (!(Number.isInteger(heads) && heads > 0 && width % heads === 0))
    throw new InputError(
      'MODEL_INVALID',
      `${context.parameters.source}: ${heads} attention heads cannot share a width of ${width}.`,
    );
  const states = [x];
  for (let i = 0; i < countLayers(context.parameters, prefix); i++)
    states.push(layer(context, states[i], { ...options, prefix: `${prefix}.encoder.layers.${i}` }));
  return states;
}

/** How many layers a tower has. Throws MODEL_INVALID if it has none, or lacks one before its last. */
export function countLayers({ find, source }: Parameters, prefix: string): number {
  const name = (i: number) => `${prefix}.encoder.layers.${i}.layer_norm1.weight`;
  let count = 0;
  while (find(name(count))) count++;
  if (count === 0 || find(name(count + 1))) throw missing(source, name(count));
  return count;
}

/** P of the projection that ends a tower of width D; its file keeps it as [P, D] or as [D, P]. Undefined if there is none. */
export function projectionSize(
  parameters: Parameters,
  { prefix, width }: { prefix: string; width: number },
): number | undefined {
  if (parameters.find(`${prefix}.transposed`))
    return parameter({ parameters }, `${prefix}.transposed`, [width, -1]).dims[1];
  if (parameters.find(`${prefix}.weight`)) return parameter({ parameters }, `${prefix}.weight`, [-1, width]).dims[0];
  return undefined;
}

function layer(context: Context, x: Value, options: ClipEncoderOptions): Value {
  const { graph } = context;
  const { prefix, width, epsilon, activation } = options;
  const inner = parameter(context, `${prefix}.mlp.fc1.weight`, [-1, width]).dims[0];
  parameter(context, `${prefix}.mlp.fc2.weight`, [width, inner]);
  const norm = (states: Value, name: string) => layerNorm(context, states, { prefix: `${prefix}.${name}`, epsilon });
  const attended = graph.add('Add', [x, attention(context, norm(x, 'layer_norm1'), options)]);
  const raised = linear(context, norm(attended, 'layer_norm2'), `${prefix}.mlp.fc1`);
  const active = activation === 'gelu' ? gelu(context, raised) : quickGelu(context, raised);
  return graph.add('Add', [attended, linear(context, active, `${prefix}.mlp.fc2`)]);
}

/** softmax(q·kᵀ/√d + mask)·v for each head of size d. */
function attention(context: Context, x: Value, { prefix, heads, width, mask }: ClipEncoderOptions): Value {
  const { graph } = context;
  const size = width / heads;
  const project = (name: string) => {
    parameter(context, `${prefix}.self_attn.${name}.weight`, [width, width]);
    return linear(context, x, `${prefix}.self_attn.${name}`);
  };
  const split = (value: Value, perm: readonly number[]) =>
    graph.add('Transpose', [graph.add('Reshape', [value, graph.ints(0, 0, heads, size)])], { perm });
  const q = split(graph.add('Mul', [project('q_proj'), graph.scalar(size ** -0.5)]), [0, 2, 1, 3]);
  const k = split(project('k_proj'), [0, 2, 3, 1]);
  const v = split(project('v_proj'), [0, 2, 1, 3]);
  const scores = graph.add('MatMul', [q, k]);
  const weights = graph.add('Softmax', [mask ? graph.add('Add', [scores, mask]) : scores], { axis: -1 });
  const mixed = graph.add('Transpose', [graph.add('MatMul', [weights, v])], { perm: [0, 2, 1, 3] });
  parameter(context, `${prefix}.self_attn.out_proj.weight`, [width, width]);
  return linear(context, graph.add('Reshape', [mixed, graph.ints(0, 0, width)]), `${prefix}.self_attn.out_proj`);
}
