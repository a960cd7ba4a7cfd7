// Small ONNX models for tests, made in place.
import type { Attribute, Model, Node } from '../../engine/onnx/graph.ts';
import { type ElementType, tensor } from '../../engine/onnx/tensor.ts';

export type AttributeSpec = number | readonly number[] | string | { float: number };

/** A node spec: `{ op: 'Add', inputs: ['x0', 'x1'] }`; its output is `y` unless named. */
export interface NodeSpec {
  readonly op: string;
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs?: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeSpec>>;
}

export interface InputSpec {
  readonly dims: readonly number[];
  readonly type?: ElementType;
  /** A constant of the model instead of an input. */
  readonly values?: readonly number[];
}

export interface ModelSpec {
  readonly nodes: readonly NodeSpec[];
  readonly inputs: Readonly<Record<string, InputSpec>>;
  readonly outputs?: readonly string[];
  readonly opset?: number;
}

/** A model as the loader would give it. Float inputs are float64 unless said otherwise. */
export function makeModel({ nodes, inputs, outputs = ['y'], opset = 17 }: ModelSpec): Model {
  const entries = Object.entries(inputs);
  const free = entries.filter(([, i]) => !i.values);
  return {
    source: 'test model',
    irVersion: 8,
    opsets: new Map([
      ['', opset],
      ['com.microsoft', 1],
    ]),
    functions: [],
    inputs: free.map(([name, { type = 'float64', dims }]) => ({ name, type, dims })),
    constants: new Map(
      entries.flatMap(([name, { type = 'float64', dims, values }]) =>
        values ? [[name, tensor(type, dims, values)]] : [],
      ),
    ),
    nodes: nodes.map(makeNode),
    outputs: outputs.map((name) => ({ name })),
  };
}

function makeNode({ op, domain = '', inputs, outputs = ['y'], attributes = {} }: NodeSpec): Node {
  const kept = Object.entries(attributes).map(([name, value]): [string, Attribute] => [name, toAttribute(value)]);
  const name = outputs[0] === 'y' ? `the_${op}` : `the_${op}_${outputs[0]}`; // unique
  return { op, domain, name, inputs, outputs, attributes: new Map(kept) };
}

function toAttribute(value: AttributeSpec): Attribute {
  if (typeof value === 'number') return { kind: 'int', value };
  if (typeof value === 'string') return { kind: 'string', value };
  return 'float' in value ? { kind: 'float', value: value.float } : { kind: 'ints', value };
}
