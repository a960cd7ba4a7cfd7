// What a running prompt reports: the data of ComfyUI's WebSocket messages and binary frames.
import { z } from 'zod';

const timestamp = z.number().describe('milliseconds since 1970');
const nodeIds = z.array(z.string());

export const statusEvent = z.object({
  status: z.object({ exec_info: z.object({ queue_remaining: z.number().int() }) }),
  sid: z.string().optional(),
});

export const executionStart = z.object({ prompt_id: z.string(), timestamp });
export const executionCached = z.object({ nodes: nodeIds, prompt_id: z.string(), timestamp });
export const executing = z.object({
  node: z.string().nullable(),
  display_node: z.string().optional(),
  prompt_id: z.string().optional(),
});
export const progress = z.object({ value: z.number(), max: z.number(), prompt_id: z.string(), node: z.string() });
export const nodeProgress = z.object({
  value: z.number(),
  max: z.number(),
  state: z.enum(['pending', 'running', 'finished', 'error']),
  node_id: z.string(),
  prompt_id: z.string(),
  display_node_id: z.string(),
  parent_node_id: z.string().nullable(),
  real_node_id: z.string(),
});
export const progressState = z.object({ prompt_id: z.string(), nodes: z.record(z.string(), nodeProgress) });

/** What a node shows: key → list of items, e.g. `images: [{ filename, subfolder, type }]`, `text: ["…"]`. */
export const uiOutput = z.record(z.string(), z.array(z.unknown()));
export const executed = z.object({
  node: z.string(),
  display_node: z.string(),
  output: uiOutput.nullable(),
  prompt_id: z.string(),
});
export const executionSuccess = z.object({ prompt_id: z.string(), timestamp });
export const executionError = z.object({
  prompt_id: z.string(),
  node_id: z.string(),
  node_type: z.string(),
  executed: nodeIds,
  exception_message: z.string(),
  exception_type: z.string(),
  traceback: z.array(z.string()),
  /** Input → its values; an empty list if the node was not called, as in a blocker's message. */
  current_inputs: z.union([z.record(z.string(), z.array(z.unknown())), z.array(z.unknown()).max(0)]),
  current_outputs: nodeIds,
  timestamp: timestamp.optional(),
});
export const executionInterrupted = z.object({
  prompt_id: z.string(),
  node_id: z.string(),
  node_type: z.string(),
  executed: nodeIds,
  timestamp,
});

/** Lines of the server's log, for those who subscribed; `t` is the ISO time, `m` the text. */
export const logsEvent = z.object({
  entries: z.array(z.object({ t: z.string(), m: z.string() })),
  size: z.object({ cols: z.number().int(), rows: z.number().int() }).nullable(),
});

/** What a client or the server supports: the handshake, and GET /features. */
export const featureFlags = z.record(z.string(), z.unknown());

/** Message type → schema of its data: every JSON message of one prompt. */
export const executionMessages = {
  execution_start: executionStart,
  execution_cached: executionCached,
  executing,
  progress,
  progress_state: progressState,
  executed,
  execution_success: executionSuccess,
  execution_error: executionError,
  execution_interrupted: executionInterrupted,
} as const;

export type LogEntry = z.infer<typeof logsEvent>['entries'][number];
export type FeatureFlags = z.infer<typeof featureFlags>;
export type UiOutput = z.infer<typeof uiOutput>;
export type NodeProgress = z.infer<typeof nodeProgress>;
export type ExecutionMessages = { [K in keyof typeof executionMessages]: z.infer<(typeof executionMessages)[K]> };

/** A JSON message of a running prompt. */
export type ExecutionMessage = {
  [K in keyof ExecutionMessages]: { readonly type: K; readonly data: ExecutionMessages[K] };
}[keyof ExecutionMessages];

/** Which node a preview belongs to: the metadata of a type 4 frame. */
export interface PreviewSource {
  readonly node_id: string;
  readonly prompt_id: string;
  readonly display_node_id: string;
  readonly parent_node_id: string | null;
  readonly real_node_id: string;
}

/** An encoded preview picture (binary frame 1 or 4). */
export interface PreviewMessage {
  readonly type: 'preview';
  readonly data: PreviewSource & { readonly image_type: 'image/jpeg' | 'image/png'; readonly bytes: Uint8Array };
}

/** Progress as text under a node (binary frame 3). */
export interface TextMessage {
  readonly type: 'text';
  readonly data: { readonly node_id: string; readonly prompt_id: string; readonly text: string };
}

/** Everything that a running prompt emits, in order. */
export type ExecutionEvent = ExecutionMessage | PreviewMessage | TextMessage;

/** The messages that history keeps, as `[type, data]`. */
export const HISTORY_MESSAGES = [
  'execution_start',
  'execution_cached',
  'execution_success',
  'execution_error',
  'execution_interrupted',
] as const satisfies (keyof ExecutionMessages)[];
