// Jobs: queue and history in one list, as the newer front ends read them (protocol: Jobs).
import { z } from 'zod';
import { executionError, uiOutput } from './events.ts';
import { executionStatus } from './history.ts';
import { apiGraph } from './prompt.ts';

export const JOB_STATUSES = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'] as const;
export const jobStatus = z.enum(JOB_STATUSES);

/** What a job shows in a list: an item of its outputs. */
export const previewOutput = z.looseObject({ nodeId: z.string(), mediaType: z.string() });

/** Times are milliseconds since 1970. Unknown values are absent. */
export const job = z.object({
  id: z.string(),
  status: jobStatus,
  /** The queue number: lower ones run first. */
  priority: z.number(),
  create_time: z.number(),
  outputs_count: z.number().int().optional(),
  previewable_outputs_count: z.number().int().optional(),
  workflow_id: z.string().optional(),
  execution_start_time: z.number().optional(),
  execution_end_time: z.number().optional(),
  execution_error: executionError.optional(),
  preview_output: previewOutput.optional(),
});

export const jobDetail = job
  .extend({
    outputs: z.record(z.string(), uiOutput).optional(),
    execution_status: executionStatus.optional(),
    workflow: z.object({ prompt: apiGraph, extra_data: z.looseObject({}) }),
  })
  .meta({ title: 'GET /api/jobs/{id}' });

export const jobList = z
  .object({
    jobs: z.array(job),
    pagination: z.object({
      offset: z.number().int(),
      limit: z.number().int().nullable(),
      total: z.number().int(),
      has_more: z.boolean(),
    }),
  })
  .meta({ title: 'GET /api/jobs' });

export const jobCancelled = z.object({ cancelled: z.boolean() }).meta({ title: 'Response of the cancel routes' });

export type JobStatus = z.infer<typeof jobStatus>;
export type JobSummary = z.infer<typeof job>;
export type JobDetail = z.infer<typeof jobDetail>;
