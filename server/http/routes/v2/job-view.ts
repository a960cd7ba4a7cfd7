// A job of the store, and what it has told so far → the job as API v2 shows it (protocol: Jobs of API v2).
import type { Request } from 'express';
import type { V2Job, V2Progress, V2Status } from '../../../../schemas/api-v2.ts';
import type { JobDetail, JobStatus } from '../../../../schemas/jobs.ts';
import { isRecord } from '../../../../schemas/record.ts';
import type { ProgressSnapshot } from '../../../queue/job-progress.ts';
import type { ApiV2Deps } from './deps.ts';
import { outputItems, outputView } from './outputs.ts';

type ViewDeps = Pick<ApiV2Deps, 'store' | 'feed' | 'dispatcher' | 'folders'>;

const STATUSES: Readonly<Record<JobStatus, V2Status>> = {
  pending: 'queued',
  in_progress: 'running',
  completed: 'succeeded',
  failed: 'failed',
  cancelled: 'canceled',
};

/** Their names here → theirs in the store. */
export const STORED_STATUSES: Readonly<Record<V2Status, readonly JobStatus[]>> = {
  queued: ['pending'],
  running: ['in_progress'],
  canceling: ['in_progress'],
  succeeded: ['completed'],
  failed: ['failed'],
  canceled: ['cancelled'],
  expired: [],
};

export const isTerminal = (status: V2Status): boolean => !['queued', 'running', 'canceling'].includes(status);

/** Nothing here expires by time. The fields are required, so they say that it will be there in a year. */
const YEAR_MS = 365 * 24 * 60 * 60 * 1000;
export const farOff = (): string => iso(Date.now() + YEAR_MS);
export const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | undefined): string | null => (ms === undefined ? null : iso(ms));

/** `http://127.0.0.1:8188`, as the client has addressed us; its Host was checked. */
export const originOf = (req: Request): string => `${req.protocol}://${req.headers.host}`;
export const assetUrl = (req: Request, id: string): string =>
  `${originOf(req)}/api/v2/assets/${encodeURIComponent(id)}/content`;

/** Where a job is, in terms of API v2; undefined if there is none. */
export function stateOf(
  promptId: string,
  { store, dispatcher }: Pick<ViewDeps, 'store' | 'dispatcher'>,
): { readonly status: V2Status; readonly queue_position: number | null } | undefined {
  const place = store.place(promptId);
  if (!place) return undefined;
  const canceling = place.status === 'in_progress' && dispatcher.isInterrupted(promptId);
  const status = canceling ? 'canceling' : STATUSES[place.status];
  return { status, queue_position: status === 'queued' ? place.ahead + 1 : null };
}

/** The whole job; undefined if there is none. Throws StoreError. */
export async function jobView(promptId: string, deps: ViewDeps, req: Request): Promise<V2Job | undefined> {
  const state = stateOf(promptId, deps);
  const job = state && deps.store.job(promptId);
  if (!job) return undefined;
  const live = isTerminal(state.status) || state.status === 'queued' ? undefined : deps.feed.live(promptId);
  const items = outputItems(promptId, job.outputs ?? live?.outputs ?? {});
  const view = { folders: deps.folders, urlOf: (id: string) => assetUrl(req, id), expires: farOff() };
  const startTime = live?.startTime ?? startTimeOf(job);
  const endTime = isTerminal(state.status) ? job.execution_end_time : undefined;
  return {
    id: promptId,
    ...state,
    created_at: iso(job.create_time),
    started_at: isoOrNull(startTime),
    completed_at: isoOrNull(endTime),
    expires_at: farOff(),
    progress: live ? progressView(live.progress) : state.status === 'succeeded' ? finished(job) : null,
    outputs: await Promise.all(items.map((item) => outputView(item, view))),
    error: errorOf(job),
    metrics: {
      queue_ms: startTime === undefined ? null : Math.max(0, Math.round(startTime - job.create_time)),
      execution_ms: startTime === undefined || endTime === undefined ? null : Math.round(endTime - startTime),
    },
    ...(isRecord(job.workflow.extra_data.job_metadata) && {
      metadata: job.workflow.extra_data.job_metadata as Record<string, string>,
    }),
    urls: urlsOf(promptId),
  };
}

/** A job that is about to be accepted. */
export function newJobView(
  promptId: string,
  { createTime, position }: { createTime: number; position: number },
): V2Job {
  return {
    id: promptId,
    status: 'queued',
    queue_position: position,
    created_at: iso(createTime),
    ...{ started_at: null, completed_at: null, expires_at: farOff(), progress: null, outputs: [], error: null },
    metrics: { queue_ms: null, execution_ms: null },
    urls: urlsOf(promptId),
  };
}

/** References, not addresses: they hold whatever name the server goes by. */
function urlsOf(promptId: string): V2Job['urls'] {
  const self = `/api/v2/jobs/${encodeURIComponent(promptId)}`;
  return { self, events: `${self}/events`, cancel: `${self}/cancel` };
}

export const progressView = (progress: ProgressSnapshot): V2Progress => ({
  value: progress.value,
  nodes_done: progress.nodesDone,
  nodes_total: progress.nodesTotal,
  current_node: progress.node ?? null,
  current_node_class: progress.nodeClass ?? null,
  step: progress.step ?? null,
  steps: progress.steps ?? null,
  message: messageOf(progress),
});

const messageOf = ({ node, nodeClass, step, steps }: ProgressSnapshot): string | null =>
  node === undefined ? null : `${nodeClass ?? node}${step === undefined ? '' : ` ${step}/${steps}`}`;

function finished({ workflow }: JobDetail): V2Progress {
  const nodes = Object.keys(workflow.prompt).length;
  const nothing = { current_node: null, current_node_class: null, step: null, steps: null, message: null };
  return { value: 1, nodes_done: nodes, nodes_total: nodes, ...nothing };
}

/** A job that was cancelled while it waited has ended, but never began. */
function startTimeOf({ execution_status: status }: JobDetail): number | undefined {
  const start = status?.messages.find(([type]) => type === 'execution_start')?.[1];
  return typeof start?.timestamp === 'number' ? start.timestamp : undefined;
}

function errorOf({ execution_error: error }: JobDetail): V2Job['error'] {
  if (!error) return null;
  return {
    code: error.node_id === '' ? 'execution_error' : 'node_execution_error',
    message: error.exception_message.trim(),
    node_id: error.node_id || null,
    class_type: error.node_type || null,
    traceback: error.traceback.join('') || null,
    exception_type: error.exception_type,
  };
}
