// /api/v2/jobs: submit, list, look at, cancel (protocol: Jobs of API v2). Jobs of POST /prompt are jobs here, too.
import type { Request, RequestHandler, Response } from 'express';
import { V2_STATUSES, type V2Job, type V2Status } from '../../../../schemas/api-v2.ts';
import type { JobQuery } from '../../../queue/store.ts';
import { ApiError } from '../../envelope.ts';
import { paramOf, queryOf, sendJson } from '../../responses.ts';
import type { RouteTable } from '../../router.ts';
import type { ApiV2Deps } from './deps.ts';
import { jobView, STORED_STATUSES, stateOf } from './job-view.ts';
import type { Once } from './once.ts';
import { submitRoute } from './submit.ts';

const LISTED = 50;
const MAX_LISTED = 100;

export function jobRoutes(deps: ApiV2Deps, once: Once): RouteTable {
  return {
    'GET /api/v2/jobs': (req, res) => listJobs(deps, req, res),
    'POST /api/v2/jobs': submitRoute(deps, once),
    'GET /api/v2/jobs/:id': withJob(deps, async (id, req, res) => sendJson(res, await foundJob(id, deps, req))),
    'GET /api/v2/jobs/:id/workflow': withJob(deps, (id, _req, res) => {
      const job = deps.store.job(id);
      if (!job) throw noJob(id);
      sendJson(res, { workflow: job.workflow.prompt, format: 'api' });
    }),
    'POST /api/v2/jobs/:id/cancel': withJob(deps, async (id, req, res) => {
      deps.dispatcher.cancel(id, { keep: true });
      sendJson(res, await foundJob(id, deps, req));
    }),
  };
}

/** A handler for a job that is there. Throws ApiError 404. */
export const withJob =
  (
    deps: Pick<ApiV2Deps, 'store' | 'dispatcher'>,
    handle: (id: string, req: Request, res: Response) => unknown,
  ): RequestHandler =>
  async (req, res) => {
    const id = paramOf(req, 'id');
    if (!stateOf(id, deps)) throw noJob(id);
    await handle(id, req, res);
  };

const noJob = (id: string): ApiError =>
  new ApiError('not_found', `There is no job ${id.slice(0, 200)}, or it is not kept any more.`);

async function foundJob(id: string, deps: ApiV2Deps, req: Request): Promise<V2Job> {
  const job = await jobView(id, deps, req);
  if (!job) throw noJob(id);
  return job;
}

/** Newest first. A cursor names the last job of a page, so nothing is shown twice when new jobs come. */
async function listJobs(deps: ApiV2Deps, req: Request, res: Response): Promise<void> {
  const { limit, statuses, query } = readQuery(req);
  const page = deps.store.jobs({ ...query, limit: limit + 1 }).jobs;
  const shown = page.slice(0, limit);
  const jobs: V2Job[] = [];
  for (const { id } of shown) {
    const job = await jobView(id, deps, req);
    if (job && (!statuses || statuses.includes(job.status))) jobs.push(job);
  }
  const last = shown.at(-1);
  sendJson(res, {
    jobs: jobs.map((job) => ({ ...job, create_time: job.created_at, update_time: updatedAt(job) })),
    ...(page.length > limit && last && { next_cursor: cursorOf(last.create_time, last.id) }),
  });
}

const updatedAt = (job: V2Job): string => job.completed_at ?? job.started_at ?? job.created_at;

function readQuery(req: Request): { limit: number; statuses: readonly V2Status[] | undefined; query: JobQuery } {
  const params = queryOf(req);
  const text = params.get('limit')?.trim() || String(LISTED);
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAX_LISTED) throw badQuery(`limit must be an integer from 1 to ${MAX_LISTED}.`);
  const statuses = params
    .get('status')
    ?.split(',')
    .map((status) => status.trim())
    .filter(Boolean) as V2Status[] | undefined;
  const wrong = statuses?.find((status) => !V2_STATUSES.includes(status));
  if (wrong) throw badQuery(`status ${wrong.slice(0, 50)} is none of ${V2_STATUSES.join(', ')}.`);
  const stored = statuses?.length ? [...new Set(statuses.flatMap((status) => STORED_STATUSES[status]))] : undefined;
  const labels = [...params].flatMap(([name, value]) => {
    const label = /^metadata\[(.+)\]$/s.exec(name)?.[1];
    return label === undefined ? [] : [[label, value]];
  });
  const query: JobQuery = {
    ...(stored && { statuses: stored }),
    ...(labels.length > 0 && { labels: Object.fromEntries(labels) }),
    ...readCursor(params.get('cursor')),
  };
  return { limit, statuses: statuses?.length ? statuses : undefined, query };
}

const badQuery = (message: string): ApiError => new ApiError('invalid_request', message);

const cursorOf = (createTime: number, promptId: string): string =>
  Buffer.from(JSON.stringify([createTime, promptId])).toString('base64url');

function readCursor(cursor: string | null): Pick<JobQuery, 'after'> {
  if (!cursor) return {};
  try {
    const [createTime, promptId] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
    if (Number.isSafeInteger(createTime) && typeof promptId === 'string')
      return { after: { createTime: createTime as number, promptId } };
  } catch {
    // Told below.
  }
  throw badQuery('cursor must be the next_cursor of an earlier page.');
}
