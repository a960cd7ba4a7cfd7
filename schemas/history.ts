// The queue and the history, in ComfyUI's shapes (protocol: Queue; History).
import { z } from 'zod';
import { uiOutput } from './events.ts';
import { apiGraph } from './prompt.ts';

/** `[number, prompt_id, prompt, extra_data, outputs_to_execute]`; never with credentials. */
export const queueItem = z.tuple([z.number(), z.string(), apiGraph, z.looseObject({}), z.array(z.string())]);

export const queue = z
  .object({ queue_running: z.array(queueItem), queue_pending: z.array(queueItem) })
  .meta({ title: 'GET /queue' });

export const queueInfo = z
  .object({ exec_info: z.object({ queue_remaining: z.number().int() }) })
  .meta({ title: 'GET /prompt' });

export const executionStatus = z.object({
  status_str: z.enum(['success', 'error']),
  completed: z.boolean(),
  /** execution_start, execution_cached, and how it ended, as on the wire. */
  messages: z.array(z.tuple([z.string(), z.looseObject({ prompt_id: z.string() })])),
});

export const nodeMeta = z.object({
  node_id: z.string(),
  display_node: z.string(),
  parent_node: z.string().nullable(),
  real_node_id: z.string(),
});

export const historyEntry = z.object({
  prompt: queueItem,
  /** Node id → what it showed. */
  outputs: z.record(z.string(), uiOutput),
  status: executionStatus,
  meta: z.record(z.string(), nodeMeta),
});

export const history = z.record(z.string(), historyEntry).meta({ title: 'GET /history, by prompt id, oldest first' });

export type HistoryEntry = z.infer<typeof historyEntry>;
