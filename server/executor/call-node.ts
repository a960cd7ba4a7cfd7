// Calls a node once per element of its lists, or asks it which lazy inputs it needs (protocol: Lazy inputs; Lists; Blockers).
import { Blocker, type NodeDefinition } from '../../nodes/define-node.ts';
import type { ChoiceSources, NodeContext } from '../../nodes/node-context.ts';
import { checkArrived } from './arrived-choices.ts';
import { type InputLists, toCalls } from './inputs.ts';
import { type CallResult, readReturn } from './node-results.ts';

export interface NodeCall {
  readonly definition: NodeDefinition;
  readonly inputs: InputLists;
  readonly hidden: Readonly<Record<string, unknown>>;
  /** Its index of the call is set for each call. */
  readonly context: Omit<NodeContext, 'callIndex'>;
  /** Combos whose values came through links, and what combos offer. */
  readonly linkedChoices: readonly string[];
  readonly sources: ChoiceSources;
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
  { definition, inputs, hidden, context, linkedChoices, sources }: NodeCall,
  onBlocked: (message: string) => void,
): Promise<CallResult[]> {
  const results: CallResult[] = [];
  for (const [callIndex, args] of toCalls(inputs, definition.inputIsList).entries()) {
    const blocker = blockerIn(args, definition.inputIsList);
    if (blocker) {
      if (blocker.message !== undefined) onBlocked(blocker.message);
      results.push({ values: new Blocker(), ui: undefined, expand: undefined });
      continue;
    }
    context.signal.throwIfAborted();
    if (linkedChoices.length > 0) await checkArrived(linkedChoices, { definition, args, context, sources });
    const returned = await definition.run({ ...args, ...hidden }, { ...context, callIndex });
    // A node may return its best so far when interrupted; that must not be kept as its result.
    context.signal.throwIfAborted();
    results.push(readReturn(definition, returned));
  }
  return results;
}

/** Names of absent lazy inputs that the node says it needs, over all of its calls. */
export async function neededLazyInputs({ definition, inputs, hidden, context }: NodeCall): Promise<string[]> {
  if (!definition.checkLazyStatus) return [];
  const needed = new Set<string>();
  for (const [callIndex, args] of toCalls(inputs, definition.inputIsList).entries()) {
    if (blockerIn(args, definition.inputIsList)) continue;
    for (const name of await definition.checkLazyStatus({ ...args, ...hidden }, { ...context, callIndex })) {
      if (!inputs.has(name)) needed.add(name);
    }
  }
  return [...needed];
}
