// The graph: what a ModelProto says, as small plain objects; and the checks and walks every step needs.
//
//   Model     = opsets, Value inputs, Value outputs, constants (name → Tensor), nodes in topological order
//   Node      = output names ← op(input names; attributes)
//   Value     = name : element type [dims]      a dim is a number, or a symbol's name where it is free
import { InputError } from '../errors.ts';
import { readsOf } from './sub-graphs.ts';
import type { ElementType, Tensor } from './tensor.ts';

export type Dim = number | string;

export interface ValueInfo {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly Dim[];
}

/** An output may leave its type and dims to onnxruntime's inference. */
export type OutputInfo = Pick<ValueInfo, 'name'> & Partial<ValueInfo>;

/** ONNX attributes keep their kind, since 1 the integer and 1 the float are different things on the wire. */
export type Attribute =
  | { readonly kind: 'float' | 'int'; readonly value: number }
  | { readonly kind: 'floats' | 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: Tensor }
  | { readonly kind: 'opaque'; readonly value: Uint8Array }; // sub-graphs and rarities: kept as they came

export interface Node {
  readonly op: string;
  /** '' is ONNX's own operator set. */
  readonly domain: string;
  readonly name: string;
  /** '' stands for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

export interface Model {
  /** For messages: where it came from. */
  readonly source: string;
  readonly irVersion: number;
  /** domain → version. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly OutputInfo[];
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly nodes: readonly Node[];
  /** Model-local functions, kept as they came. */
  readonly functions: readonly Uint8Array[];
}

/** The version of ONNX's own operator set that the model is written in. */
export const opsetOf = (model: Model): number => model.opsets.get('') ?? model.opsets.get('ai.onnx') ?? 1;

/** A node's integer attribute, or the default that the ONNX specification gives it. */
export function intAttribute(node: Node, name: string, otherwise: number): number {
  const a = node.attributes.get(name);
  return a?.kind === 'int' ? a.value : otherwise;
}

/** A node's float attribute, or its default. */
export function floatAttribute(node: Node, name: string, otherwise: number): number {
  const a = node.attributes.get(name);
  return a?.kind === 'float' ? a.value : otherwise;
}

/** A node's list of integers, or undefined where it is left out. */
export function intsAttribute(node: Node, name: string): readonly number[] | undefined {
  const a = node.attributes.get(name);
  return a?.kind === 'ints' ? a.value : undefined;
}

/** A node's string attribute, or its default. */
export function stringAttribute(node: Node, name: string, otherwise: string): string {
  const a = node.attributes.get(name);
  return a?.kind === 'string' ? a.value : otherwise;
}

/** How messages name a node: `MatMul "/layers.0/MatMul"`. */
export const describeNode = (node: Node): string =>
  `${node.domain ? `${node.domain}.` : ''}${node.op} "${node.name || node.outputs[0]}"`;

/**
 * Checks that every name is defined once and before its use; throws MODEL_INVALID. Returns the model. `elsewhere`: constants that are kept
 * apart from it.
 */
export function checkModel(model: Model, elsewhere: { has(name: string): boolean } = new Set()): Model {
  const defined = new Set<string>(model.constants.keys());
  for (const input of model.inputs) defined.add(input.name);
  for (const node of model.nodes) {
    for (const name of readsOf(node)) {
      if (name && !defined.has(name) && !elsewhere.has(name))
        throw invalid(model, `${describeNode(node)} reads "${name}", which nothing before it computes`);
    }
    for (const name of node.outputs) {
      if (!name) continue;
      if (defined.has(name) || elsewhere.has(name)) throw invalid(model, `"${name}" is computed twice`);
      defined.add(name);
    }
  }
  for (const output of model.outputs) {
    if (!defined.has(output.name) && !elsewhere.has(output.name))
      throw invalid(model, `the output "${output.name}" is never computed`);
  }
  return model;
}

/** The model without nodes, constants and inputs that its outputs do not need. `keepInputs`: inputs stay all the same. */
export function prune(model: Model, options: { keepInputs?: boolean } = {}): Model {
  const needed = new Set(model.outputs.map((o) => o.name));
  const nodes: Node[] = [];
  for (const node of [...model.nodes].reverse()) {
    if (!node.outputs.some((o) => needed.has(o))) continue;
    for (const name of readsOf(node)) needed.add(name);
    nodes.push(node);
  }
  return {
    ...model,
    nodes: nodes.reverse(),
    inputs: options.keepInputs ? model.inputs : model.inputs.filter((i) => needed.has(i.name)),
    constants: new Map([...model.constants].filter(([name]) => needed.has(name))),
  };
}

/** Error for a model that breaks ONNX's own rules. */
export const invalid = (model: { source: string }, what: string): InputError =>
  new InputError('MODEL_INVALID', `${model.source} is not a valid ONNX model: ${what}.`);
