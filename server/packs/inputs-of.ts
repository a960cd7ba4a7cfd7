// A node definition → the inputs that a graph may give it: those it shows, and hidden ones of its own.
import { type Input, type NodeDefinition, optional, port } from '../../nodes/define-node.ts';

type Declared = Pick<NodeDefinition, 'inputs' | 'hidden' | 'anyInputs'>;

/** What `anyInputs` lets a graph link. */
const ANY: Input = optional(port('*'));

/** The declared inputs by name. */
export function inputsOf({ inputs, hidden }: Declared): [name: string, input: Input][] {
  const own = Object.entries(hidden ?? {}).flatMap(([name, value]): [string, Input][] =>
    typeof value === 'string' ? [] : [[name, optional(value)]],
  );
  return [...Object.entries(inputs), ...own];
}

/** The input of that name. For a class with `anyInputs` an undeclared one may be linked to any output; else it is undefined. */
export function inputNamed({ inputs, hidden, anyInputs }: Declared, name: string): Input | undefined {
  if (Object.hasOwn(inputs, name)) return inputs[name];
  const own = hidden !== undefined && Object.hasOwn(hidden, name) ? hidden[name] : undefined;
  // What the executor adds under this name can't be linked.
  if (typeof own === 'string') return undefined;
  return own ? optional(own) : anyInputs ? ANY : undefined;
}
