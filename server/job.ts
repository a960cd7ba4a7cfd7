// A prompt that was accepted, and how it ended: what queue, worker and executor pass to each other.
import type { ExecutionMessages, UiOutput } from '../schemas/events.ts';
import type { ApiGraph } from '../schemas/prompt.ts';

/** A validated prompt, ready to run. */
export interface Job {
  readonly promptId: string;
  readonly prompt: ApiGraph;
  /** Output nodes that passed validation: the roots. */
  readonly outputsToExecute: readonly string[];
  /** As the client sent it, its credentials included (these never reach the disk). */
  readonly extraData: Readonly<Record<string, unknown>>;
}

/** How a node looks in the history's `meta`. */
export interface NodeMeta {
  readonly node_id: string;
  readonly display_node: string;
  readonly parent_node: string | null;
  readonly real_node_id: string;
}

/** A message that history keeps. */
export type HistoryMessage = {
  [K in keyof ExecutionMessages]: readonly [type: K, data: ExecutionMessages[K]];
}[keyof ExecutionMessages];

/** How a job ended. */
export interface JobOutcome {
  readonly status: 'success' | 'error' | 'interrupted';
  /** Node id → what it showed. */
  readonly outputs: Readonly<Record<string, UiOutput>>;
  readonly meta: Readonly<Record<string, NodeMeta>>;
  /** execution_start, execution_cached, and how it ended. */
  readonly messages: readonly HistoryMessage[];
}
