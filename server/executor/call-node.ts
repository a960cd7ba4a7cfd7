// Calls a node once per element of its lists, or asks it which lazy inputs it needs (protocol: Lazy inputs; Lists; Blockers).
import { Blocker, type NodeDefinition } from '../../nodes/define-node.ts';
import type { NodeContext } from '../../nodes/node-context.ts';
import { type InputLists, toCalls } from './inputs.ts';
import { type CallResult, readReturn } from './node-results.ts';

export interface NodeCall {
  readonly definition: NodeDefinition;
  readonly inputs: InputLists;
  readonly hidden: Readonly<Record<string, unknown>>;
  readonly context: NodeContext;
}

/** The blocker among the arguments of a call, if there is one. */
function blockerIn(args: Readonly<Record<string, unknown>>, inputIsList = false): Blocker | undefined {
  for (const value of Object.values(args)) {
    const found = inputIsList ? (value as unknown[]).find((v) => v instanceof Blocker) : value;
    if (found instanceof Blocker) return found;
  }
  return undefined;
}

/**
 * Calls `run`, one call after the other: the progress bar stays readable, and memory is that of one call. A call that
 * receives a blocker is skipped; the blocker's message goes to `onBlocked` once and no further.
 */
export async function callNode(
  { definition, inputs, hidden, context }: NodeCall,
  onBlocked: (message: string) => void,
): Promise<CallResult[]> {
  const results: CallResult[] = [];
  for (const args of toCalls(inputs, definition.inputIsList)) {
    const blocker = blockerIn(args, definition.inputIsList);
    if (blocker) {
      if (blocker.message !== undefined) onBlocked(blocker.message);
      results.push({ values: new Blocker(), ui: undefined, expand: undefined });
      continue;
    }
    context.signal.throwIfAborted();
    const returned = await definition.run({ ...args, ...hidden }, context);
    // A node may return its best so far when interrupted; that must not be kept as its result.
    context.signal.throwIfAborted();
    results.push(readReturn(definition, returned));
  }
  return results;
}

/** Names of absent lazy inputs that the node says it needs, over all of its calls. */
export function neededLazyInputs({ definition, inputs, hidden, context }: NodeCall): string[] {
  if (!definition.checkLazyStatus) return [];
  const needed = new Set<string>();
  for (const args of toCalls(inputs, definition.inputIsList)) {
    if (blockerIn(args, definition.inputIsList)) continue;
    for (const name of definition.checkLazyStatus({ ...args, ...hidden }, context)) {
      if (!inputs.has(name)) needed.add(name);
    }
  }
  return [...needed];
}
