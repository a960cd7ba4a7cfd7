// A graph under construction: every value knows its type and dims, and the graph that it belongs to, so that
// rules read like formulas: mul(g, exp(x)).
import { type Attribute, type Node, opsetOf } from '../onnx/graph.ts';
import type { StaticModel, StaticValue } from '../onnx/specialise.ts';
import { type ElementType, type Tensor, tensor, toNumbers } from '../onnx/tensor.ts';

/** A value of a graph under construction. */
export interface Value extends StaticValue {
  readonly graph: Builder;
}

type AttributeInput = number | readonly number[] | string | Attribute;

export interface NewNode {
  readonly inputs: readonly Value[];
  readonly dims: readonly number[];
  /** Element type of the output; that of the first input by default. */
  readonly type?: ElementType;
  /** Integers, lists of integers and strings as they are; floats as `{ kind: 'float', value }`. */
  readonly attributes?: Readonly<Record<string, AttributeInput>>;
}

export class Builder {
  readonly opset: number;
  readonly nodes: Node[] = [];
  readonly constants = new Map<string, Tensor>();
  readonly #model: StaticModel;
  readonly #taken: Set<string>;

  constructor(model: StaticModel) {
    this.#model = model;
    this.opset = opsetOf(model);
    this.#taken = new Set(model.values.keys());
  }

  /** A value of the model that is being extended. */
  value(name: string): Value {
    const known = this.#model.values.get(name);
    if (!known) throw new Error(`no value "${name}" in ${this.#model.source}`);
    return { ...known, graph: this };
  }

  /** A constant of the model, where the value is one. */
  constantOf({ name }: Value): Tensor | undefined {
    return this.#model.constants.get(name) ?? this.constants.get(name);
  }

  /** Adds a node with one output and gives that output. */
  add(op: string, { inputs, dims, type = inputs[0].type, attributes = {} }: NewNode): Value {
    const name = this.fresh(op);
    const kept = Object.entries(attributes).map(([key, value]) => [key, toAttribute(value)] as const);
    this.nodes.push({
      op,
      domain: '',
      name,
      inputs: inputs.map((i) => i.name),
      outputs: [name],
      attributes: new Map(kept),
    });
    return { name, type, dims, graph: this };
  }

  /** Adds a constant. */
  constant(type: ElementType, dims: readonly number[], values: ArrayLike<number>): Value {
    const name = this.fresh('const');
    this.constants.set(name, tensor(type, dims, values));
    return { name, type, dims, graph: this };
  }

  /** A name that nothing else has. */
  fresh(stem: string): string {
    let name = `backward/${stem}_${this.#taken.size}`;
    while (this.#taken.has(name)) name += '_';
    this.#taken.add(name);
    return name;
  }
}

function toAttribute(value: AttributeInput): Attribute {
  if (typeof value === 'number') return { kind: 'int', value };
  if (typeof value === 'string') return { kind: 'string', value };
  return Array.isArray(value) ? { kind: 'ints', value } : (value as Attribute);
}

/** The numbers of a constant; throws RangeError for a computed value: `${what} computed, not constant`. */
export function constantNumbers(value: Value, what: string): number[] {
  const constant = value.graph.constantOf(value);
  if (!constant) throw new RangeError(`${what} computed, not constant`);
  return toNumbers(constant);
}
