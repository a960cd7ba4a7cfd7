// Calls a node once per element of its lists, or asks it which lazy inputs it needs (protocol: Lazy inputs; Lists; Blockers).
import { setMaxListeners } from 'node:events';
import { Blocker, type NodeDefinition } from '../../nodes/define-node.ts';
import type { ChoiceSources, NodeContext } from '../../nodes/node-context.ts';
import { type Admission, isAsync } from './admission.ts';
import { checkArrived } from './arrived-choices.ts';
import { type InputLists, toCalls } from './inputs.ts';
import { type CallResult, readReturn } from './node-results.ts';
import type { PromptMemory } from './prompt-memory.ts';
import { runCalls } from './run-calls.ts';

export interface NodeCall {
  readonly definition: NodeDefinition;
  readonly inputs: InputLists;
  readonly hidden: Readonly<Record<string, unknown>>;
  /** Its index of the call is set for each call. */
  readonly context: Omit<NodeContext, 'callIndex'>;
  /** Combos whose values came through links, and what combos offer. */
  readonly linkedChoices: readonly string[];
  readonly sources: ChoiceSources;
  readonly memory: PromptMemory;
  readonly admission: Admission;
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
 * Calls `run` for each element of the lists, beside each other where the calls wait for something. A call that receives a
 * blocker is skipped; the blocker's message goes to `onBlocked` once and no further. If one fails, the others are aborted.
 */
export function callNode(
  { definition, inputs, hidden, context, linkedChoices, sources, memory, admission }: NodeCall,
  onBlocked: (message: string) => void,
): Promise<CallResult[]> {
  const calls = toCalls(inputs, definition.inputIsList);
  const stopping = new AbortController();
  const signal = calls.length > 1 ? AbortSignal.any([context.signal, stopping.signal]) : context.signal;
  setMaxListeners(0, signal); // each call that waits listens
  const callOnce = async (args: Readonly<Record<string, unknown>>, callIndex: number): Promise<CallResult> => {
    const blocker = blockerIn(args, definition.inputIsList);
    if (blocker) {
      if (blocker.message !== undefined) onBlocked(blocker.message);
      return { values: new Blocker(), ui: undefined, expand: undefined };
    }
    signal.throwIfAborted();
    if (linkedChoices.length > 0) await checkArrived(linkedChoices, { definition, args, context, sources });
    await memory.reserve(definition, args);
    const returned = await definition.run({ ...args, ...hidden }, { ...context, signal, callIndex });
    // A node may return its best so far when interrupted; that must not be kept as its result.
    signal.throwIfAborted();
    const result = readReturn(definition, returned);
    await memory.add(context.nodeId, definition, result);
    return result;
  };
  return runCalls(
    {
      count: calls.length,
      wait: isAsync(definition.run),
      bytesOf: (i) => memory.needOf(definition, calls[i]),
      call: (i) => callOnce(calls[i], i),
      stop: (reason) => stopping.abort(reason),
    },
    admission,
  );
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
