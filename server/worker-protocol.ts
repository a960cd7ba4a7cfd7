// What the server process and the worker process say to each other (over the IPC channel of a child process).
import type { ExecutionEvent, ExecutionMessages, UiOutput } from '../schemas/events.ts';
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

export type ToWorker =
  | { readonly type: 'run'; readonly job: Job }
  /** Without a prompt id: whatever runs. */
  | { readonly type: 'interrupt'; readonly promptId?: string }
  /** Forget kept results. (Models are unloaded by a fresh process: worker-host.ts.) */
  | { readonly type: 'free'; readonly freeMemory: boolean }
  | { readonly type: 'stop' };

export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'event'; readonly promptId: string; readonly event: ExecutionEvent }
  | { readonly type: 'done'; readonly promptId: string; readonly outcome: JobOutcome }
  /** An exception that nobody caught: the worker ends after it. */
  | { readonly type: 'fatal'; readonly message: string; readonly stack: string }
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string };

/** What the worker is started with (one JSON argument). */
export interface WorkerOptions {
  readonly dataDir: string;
  readonly packDirs: readonly string[];
  /** `classic`, `none`, or the number of results that an LRU cache keeps. */
  readonly cache: 'classic' | 'none' | { readonly lru: number };
  readonly writeMetadata: boolean;
  /** Where checkpoints run (`cpu` and kin); cpu. */
  readonly device?: string;
}
