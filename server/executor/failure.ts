// What went wrong in a node → the fields of execution_error (protocol: Addressing of events).
import type { NodeDefinition } from '../../nodes/define-node.ts';
import { summariseValue } from './summarise-value.ts';

const MAX_TRACEBACK = 50;
const MAX_MESSAGE = 10_000;
const MAX_VALUES = 20;

/** Nodes of the prompt wait for each other; an expansion made the cycle, so validation could not see it (protocol: Cycles). */
export class DependencyCycleError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'graph.DependencyCycleError';
  }
}

/** What a node threw, and what it had been given. */
export class NodeFailure extends Error {
  readonly nodeId: string;
  readonly inputs: Record<string, unknown[]>;
  constructor(nodeId: string, cause: unknown, inputs: Record<string, unknown[]>) {
    super(`Node ${nodeId} failed.`, { cause });
    this.nodeId = nodeId;
    this.inputs = inputs;
  }
}

/**
 * `exception_type` is the error's code if it is one that the user can fix (`IMAGE_UNREADABLE`, see docs/errors.md),
 * else the error's name (`TypeError`); `exception_message` ends in a newline, as ComfyUI's does.
 */
export function describeFailure(thrown: unknown): {
  readonly exception_message: string;
  readonly exception_type: string;
  readonly traceback: string[];
} {
  const isError = typeof thrown === 'object' && thrown !== null && 'message' in thrown;
  const error = (isError ? thrown : new Error(String(thrown))) as Error & { code?: unknown };
  const code = error.name === 'InputError' && typeof error.code === 'string' ? error.code : undefined;
  const message = String(error.message).slice(0, MAX_MESSAGE);
  return {
    exception_message: `${message || error.name}\n`,
    exception_type: code ?? String(error.name || 'Error'),
    traceback: String(error.stack ?? '')
      .split('\n')
      .slice(0, MAX_TRACEBACK),
  };
}

/** `current_inputs`: what the node was given, short enough to send. */
export function describeInputs(
  lists: ReadonlyMap<string, readonly unknown[]> | undefined,
  { inputs }: Pick<NodeDefinition, 'inputs'>,
): Record<string, unknown[]> {
  const shown = [...(lists ?? [])].map(([name, list]) => {
    const type = Object.hasOwn(inputs, name) ? inputs[name].type : undefined;
    return [name, list.slice(0, MAX_VALUES).map((value) => summariseValue(value, type))];
  });
  return Object.fromEntries(shown);
}
