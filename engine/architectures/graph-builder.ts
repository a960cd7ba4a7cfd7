// A graph under construction whose weights stay in .safetensors files: nodes are added one by one, weights are named, and `build` gives
// the model with the list of what it reads from which file.
import {
  type Attribute,
  checkModel,
  type Dim,
  type Model,
  type Node,
  type OutputInfo,
  type ValueInfo,
} from '../onnx/graph.ts';
import { type ElementType, elementCode, type Tensor, tensor } from '../onnx/tensor.ts';
import type { Weight } from '../safetensors/weights.ts';

/** The name of a value in the graph. */
export type Value = string;

type AttributeInput = number | readonly number[] | string | Attribute;
type Attributes = Readonly<Record<string, AttributeInput>>;

/** A float attribute: plain numbers stand for integers. */
export const float = (value: number): Attribute => ({ kind: 'float', value });

/** A graph and the weights that it reads. */
export interface WeightGraph {
  readonly model: Model;
  /** Name of a constant → its weight. */
  readonly weights: ReadonlyMap<string, Weight>;
}

/** LayerNormalization came in opset 17, Gelu in 20, GroupNormalization with one factor per channel in 21. */
const OPSET = 21;
const IR_VERSION = 10;

export class GraphBuilder {
  readonly #source: string;
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: OutputInfo[] = [];
  readonly #constants = new Map<string, Tensor>();
  readonly #weights = new Map<string, Weight>();
  readonly #nodes: Node[] = [];
  /** What stands for the same weight or constant twice. */
  readonly #shared = new Map<string, Value>();
  readonly #counts = new Map<string, number>();

  /** `source`: for messages, what the graph is made of. */
  constructor(source: string) {
    this.#source = source;
  }

  /** Adds an input. Dims are numbers, or names if they are free. */
  input(name: string, type: ElementType, dims: readonly Dim[]): Value {
    this.#inputs.push({ name, type, dims });
    return name;
  }

  /** A float32 scalar as an input; asked for again, the same one. */
  scalarInput(name: string): Value {
    return this.#once(`input ${name}`, () => this.input(name, 'float32', []));
  }

  /** Gives a value a name among the outputs. */
  output(name: string, value: Value, dims: readonly Dim[], type: ElementType = 'float32'): void {
    this.#nodes.push(node('Identity', { name, inputs: [value], outputs: [name] }));
    this.#outputs.push({ name, type, dims });
  }

  /** A weight as float32; onnxruntime widens it once, when the session is made. */
  weight(weight: Weight): Value {
    const stored = this.storedWeight(weight);
    if (weight.type === 'float32') return stored;
    return this.#once(`float32 ${stored}`, () => this.add('Cast', [stored], { to: elementCode('float32') }));
  }

  /** A weight in the type that it has in its file, for a lookup that reads few of its rows. */
  storedWeight(weight: Weight): Value {
    const { path, offset, length, dims } = weight;
    return this.#once(`weight ${path} ${offset} ${length} ${dims}`, () => {
      const name = this.#fresh(weight.name);
      this.#weights.set(name, weight);
      return name;
    });
  }

  /** A constant that stands in the graph itself; for small ones. */
  constant(type: ElementType, dims: readonly number[], values: ArrayLike<number>): Value {
    const key = `${type} ${dims} ${values.length <= 64 ? Array.from(values).join() : this.#constants.size}`;
    return this.#once(key, () => {
      const name = this.#fresh('constant');
      this.#constants.set(name, tensor(type, dims, values));
      return name;
    });
  }

  /** int64 [n], as shapes, axes and splits are given. */
  ints(...values: number[]): Value {
    return this.constant('int64', [values.length], values);
  }

  /** float32, a scalar. */
  scalar(value: number): Value {
    return this.constant('float32', [], [value]);
  }

  /** Adds a node with one output and gives that output. `domain`: '' is ONNX's own. An input may be '' if it is left out. */
  add(op: string, inputs: readonly Value[], attributes: Attributes = {}, domain = ''): Value {
    return this.addMany(op, inputs, { attributes, domain, count: 1 })[0];
  }

  /** The same with several outputs. */
  addMany(
    op: string,
    inputs: readonly Value[],
    { attributes = {}, domain = '', count }: { attributes?: Attributes; domain?: string; count: number },
  ): Value[] {
    const name = this.#fresh(op);
    const outputs = Array.from({ length: count }, (_, i) => (i === 0 ? name : `${name}:${i}`));
    this.#nodes.push(node(op, { name, inputs, outputs, attributes, domain }));
    return outputs;
  }

  /** The finished graph. */
  build(): WeightGraph {
    const domains = new Set(this.#nodes.map(({ domain }) => domain));
    const opsets = new Map([...domains].map((domain) => [domain, domain === '' ? OPSET : 1]));
    const model: Model = {
      source: this.#source,
      irVersion: IR_VERSION,
      opsets,
      inputs: this.#inputs,
      outputs: this.#outputs,
      constants: this.#constants,
      nodes: this.#nodes,
      functions: [],
    };
    const empty: Tensor = { type: 'float32', dims: [0], bytes: new Uint8Array() };
    const known = new Map([...this.#constants, ...[...this.#weights.keys()].map((name) => [name, empty] as const)]);
    checkModel({ ...model, constants: known });
    return { model, weights: this.#weights };
  }

  #once(key: string, make: () => Value): Value {
    const value = this.#shared.get(key) ?? make();
    this.#shared.set(key, value);
    return value;
  }

  #fresh(stem: string): string {
    const count = this.#counts.get(stem) ?? 0;
    this.#counts.set(stem, count + 1);
    return count === 0 ? stem : `${stem}_${count}`;
  }
}

interface NodeParts {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes?: Attributes;
  readonly domain?: string;
}

const node = (op: string, { name, inputs, outputs, attributes = {}, domain = '' }: NodeParts): Node => ({
  op,
  domain,
  name,
  inputs,
  outputs,
  attributes: new Map(Object.entries(attributes).map(([key, value]) => [key, toAttribute(value)])),
});

function toAttribute(value: AttributeInput): Attribute {
  if (typeof value === 'number') return { kind: 'int', value };
  if (typeof value === 'string') return { kind: 'string', value };
  return Array.isArray(value) ? { kind: 'ints', value } : (value as Attribute);
}
