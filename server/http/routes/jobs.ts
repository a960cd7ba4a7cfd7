// /api/jobs: queue and history in one list, details, cancelling (protocol: Jobs). As the app mounts every router below
// /api too, these paths also answer below /api/api, as in ComfyUI, but not at /jobs.
import type { Request, Router } from 'express';
import { JOB_STATUSES, type JobStatus } from '../../../schemas/jobs.ts';
import { isRecord } from '../../../schemas/record.ts';
import type { Dispatcher } from '../../queue/dispatcher.ts';
import type { JobQuery, JobStore } from '../../queue/store.ts';
import { readJson } from '../body.ts';
import { HttpError } from '../http-error.ts';
import { badRequest, readInteger, storeGuard } from '../queue-requests.ts';
import { paramOf, queryOf, sendJson } from '../responses.ts';
import { createRouter } from '../router.ts';

export interface JobsDeps {
  readonly store: Pick<JobStore, 'jobs' | 'job'>;
  readonly dispatcher: Pick<Dispatcher, 'cancel'>;
}

export function jobsRoutes({ store, dispatcher }: JobsDeps): Router {
  return createRouter({
    'GET /api/jobs': storeGuard((req, res) => {
      const query = readQuery(req);
      const { jobs, total } = store.jobs(query);
      const { offset = 0, limit = null } = query;
      sendJson(res, { jobs, pagination: { offset, limit, total, has_more: offset + jobs.length < total } });
    }),
    'POST /api/jobs/cancel': storeGuard(async (req, res) => {
      const ids = readJobIds(await readJson(req).catch(notJson));
      const cancelled = ids.map((id) => dispatcher.cancel(id)).some(Boolean);
      sendJson(res, { cancelled });
    }),
    'GET /api/jobs/:id': storeGuard((req, res) => {
      const job = store.job(paramOf(req, 'id'));
      if (job) sendJson(res, job);
      else sendJson(res, { error: 'Job not found' }, 404);
    }),
    'POST /api/jobs/:id/cancel': storeGuard((req, res) =>
      sendJson(res, { cancelled: dispatcher.cancel(paramOf(req, 'id')) }),
    ),
  });
}

function notJson(error: unknown): never {
  if (error instanceof HttpError && error.status === 400) throw badRequest('Request body must be valid JSON');
  throw error;
}

function readJobIds(body: unknown): string[] {
  const ids = isRecord(body) ? body.job_ids : undefined;
  if (!Array.isArray(ids)) throw badRequest('job_ids must be a list');
  const invalid = ids.filter((id) => typeof id !== 'string' || id === '');
  if (invalid.length > 0) {
    const error = 'job_ids contains invalid id(s)';
    throw new HttpError(400, error, { json: { error, invalid_ids: invalid } });
  }
  return ids;
}

function readQuery(req: Request): JobQuery {
  const params = queryOf(req);
  const statuses = params
    .get('status')
    ?.split(',')
    .map((status) => status.trim().toLowerCase())
    .filter(Boolean);
  const wrong = statuses?.filter((status) => !JOB_STATUSES.includes(status as JobStatus)) ?? [];
  if (wrong.length > 0) {
    throw badRequest(`Invalid status value(s): ${wrong.join(', ')}. Valid values: ${JOB_STATUSES.join(', ')}`);
  }
  const limit = readInteger(req, 'limit');
  if (limit !== undefined && limit <= 0) throw badRequest('limit must be a positive integer');
  return {
    statuses: statuses?.length ? (statuses as JobStatus[]) : undefined,
    workflowId: params.get('workflow_id') || undefined,
    sortBy: oneOf(params, 'sort_by', ['created_at', 'execution_duration']),
    sortOrder: oneOf(params, 'sort_order', ['asc', 'desc']),
    limit,
    offset: Math.max(0, readInteger(req, 'offset') ?? 0),
  };
}

function oneOf<T extends string>(params: URLSearchParams, name: string, values: readonly [T, T]): T | undefined {
  const value = params.get(name)?.toLowerCase();
  if (!value) return undefined;
  const found = values.find((known) => known === value);
  if (!found) throw badRequest(`${name} must be '${values[0]}' or '${values[1]}'`);
  return found;
}
