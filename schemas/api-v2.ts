// Comfy API v2: what its routes answer and what its event streams send (protocol: Comfy API v2).
import { z } from 'zod';

const time = z.iso.datetime().describe('RFC 3339, UTC');
const isTitled = (title: string) => ({ title });

export const V2_STATUSES = ['queued', 'running', 'succeeded', 'canceling', 'canceled', 'failed', 'expired'] as const;
export const v2Status = z.enum(V2_STATUSES);

export const v2Progress = z
  .object({
    value: z.number().min(0).max(1),
    nodes_done: z.number().int(),
    nodes_total: z.number().int(),
    current_node: z.string().nullable(),
    current_node_class: z.string().nullable(),
    /** Of the node that runs; null if it does not tell. */
    step: z.number().int().nullable(),
    steps: z.number().int().nullable(),
    message: z.string().nullable(),
  })
  .meta(isTitled('How far a job is: data of the event progress'));

/** `id` is an asset's. */
export const v2Output = z
  .object({
    node_id: z.string(),
    name: z.string(),
    type: z.enum(['image', 'video', 'audio', 'text', 'file', 'latent']),
    content_type: z.string(),
    size_bytes: z.number().int(),
    id: z.string(),
    hash: z.string().nullable(),
    url: z.url(),
    url_expires_at: time,
    job_id: z.string(),
  })
  .meta(isTitled('What a node of a job has shown: data of the event output'));

export const v2JobError = z.object({
  code: z.string(),
  message: z.string(),
  node_id: z.string().nullable(),
  class_type: z.string().nullable(),
  traceback: z.string().nullable(),
  /** Ours: a code of docs/errors.md, or the error's name. */
  exception_type: z.string(),
});

export const v2Job = z
  .object({
    id: z.string(),
    status: v2Status,
    created_at: time,
    started_at: time.nullable(),
    completed_at: time.nullable(),
    expires_at: time,
    queue_position: z.number().int().nullable(),
    progress: v2Progress.nullable(),
    outputs: z.array(v2Output),
    error: v2JobError.nullable(),
    metrics: z.object({ queue_ms: z.number().int().nullable(), execution_ms: z.number().int().nullable() }),
    metadata: z.record(z.string(), z.string()).optional(),
    urls: z.object({ self: z.string(), events: z.string(), cancel: z.string() }),
  })
  .meta(isTitled('A job of Comfy API v2'));

export const v2JobList = z
  .object({
    jobs: z.array(v2Job.extend({ create_time: time, update_time: time })),
    next_cursor: z.string().optional(),
  })
  .meta(isTitled('GET /api/v2/jobs'));

export const v2Workflow = z
  .object({ workflow: z.record(z.string(), z.unknown()), format: z.enum(['api', 'save']) })
  .meta(isTitled('GET /api/v2/jobs/{id}/workflow'));

export const v2Asset = z
  .object({
    id: z.string(),
    hash: z
      .string()
      .regex(/^blake3:[0-9a-f]{64}$/)
      .nullable(),
    size_bytes: z.number().int(),
    content_type: z.string(),
    file_path: z.string().nullable(),
    created_new: z.boolean().optional(),
    created_at: time,
    url: z.url(),
    url_expires_at: time,
    expires_at: z.null(),
    job_id: z.string().nullable(),
  })
  .meta(isTitled('An asset of Comfy API v2'));

export const v2Error = z
  .object({
    error: z.object({ code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()).nullable() }),
  })
  .meta(isTitled('Every error of Comfy API v2'));

export const v2StatusEvent = z
  .object({ status: v2Status, queue_position: z.number().int().nullable() })
  .meta(isTitled('Data of the event status'));

export const v2PreviewEvent = z
  .object({ node_id: z.string(), content_type: z.string(), data_base64: z.string() })
  .meta(isTitled('Data of the event preview'));

/** What stands for a file in a workflow. */
export const v2AssetReference = z
  .looseObject({ __type: z.literal('core/ASSET'), info: z.looseObject({ id: z.string() }) })
  .meta(isTitled('An asset in a workflow'));

/** Labels of a job: its `metadata`. */
export const v2Labels = z
  .record(z.string().min(1).max(64), z.string().max(512))
  .refine((labels) => Object.keys(labels).length <= 32, 'it may hold 32 entries');

export type V2Status = z.infer<typeof v2Status>;
export type V2Progress = z.infer<typeof v2Progress>;
export type V2Output = z.infer<typeof v2Output>;
export type V2Job = z.infer<typeof v2Job>;
export type V2Asset = z.infer<typeof v2Asset>;
