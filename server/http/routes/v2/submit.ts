// POST /api/v2/jobs: a workflow is validated and queued, once for each Idempotency-Key (protocol: Jobs of API v2; Idempotency keys).
import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import type { V2Job } from '../../../../schemas/api-v2.ts';
import { stringifyJson } from '../../../json.ts';
import { readJson } from '../../body.ts';
import { ApiError } from '../../envelope.ts';
import { sendJson } from '../../responses.ts';
import type { ApiV2Deps } from './deps.ts';
import { newJobView } from './job-view.ts';
import { fingerprintOf, type Keyed, markReplayed, type Once } from './once.ts';
import { readSubmission, type Submission, validateSubmission } from './submission.ts';

/** When a full queue is worth another try. */
const RETRY_AFTER_SECONDS = 5;

export function submitRoute(deps: ApiV2Deps, once: Once): RequestHandler {
  return async (req, res) => {
    const submission = readSubmission(await readJson(req, deps.maxPromptBytes));
    const { workflow, metadata } = submission;
    // Without extra_data, which holds credentials: another of these is no other request.
    const fingerprint = fingerprintOf(stringifyJson([workflow, metadata ?? null], { nonFinite: 'keep' }));
    await once.run({ req, scope: 'jobs', fingerprint }, async (keyed) => {
      if (keyed && wasMade(keyed, deps)) {
        markReplayed(res);
        sendJson(res, JSON.parse(keyed.found!.answer), 201);
      } else sendJson(res, await submit(deps, { req, res, submission, keyed }), 201);
    });
  };
}

/** The job of this key is there, or was. If the server died between writing down the key and the job, it was never made. */
function wasMade({ found, settle }: Keyed, { store }: ApiV2Deps): boolean {
  if (!found) return false;
  if (!found.settled && store.has(found.subject)) settle();
  return found.settled || store.has(found.subject);
}

interface Exchange {
  readonly req: Request;
  readonly res: Response;
  readonly submission: Submission;
  readonly keyed: Keyed | undefined;
}

async function submit(deps: ApiV2Deps, { req, res, submission, keyed }: Exchange): Promise<V2Job> {
  const { store, dispatcher } = deps;
  const { prompt, outputs } = await validateSubmission(submission.workflow, deps);
  // Nothing is awaited from here on: what was counted stays so.
  const waiting = store.pendingCount();
  if (waiting >= deps.maxQueueLength) throw queueFull(deps.maxQueueLength);
  const createTime = Date.now();
  const promptId = keyed?.found?.subject ?? `job_${randomUUID().replaceAll('-', '')}`;
  const { metadata } = submission;
  const answer = { ...newJobView(promptId, { createTime, position: waiting + 1 }), ...(metadata && { metadata }) };
  keyed?.record({ subject: promptId, answer });
  const extraData = extraDataOf(submission, { req, createTime });
  const job = { promptId, prompt, outputsToExecute: outputs, extraData, number: store.nextNumber(), createTime };
  const letStart = acceptOrForget(() => dispatcher.accept(job), keyed);
  keyed?.settle();
  if (res.destroyed) letStart();
  else res.once('close', letStart);
  return answer;
}

/** A key whose job could not be stored is free again. */
function acceptOrForget<T>(accept: () => T, keyed: Keyed | undefined): T {
  try {
    return accept();
  } catch (error) {
    try {
      keyed?.forget();
    } catch {
      // The same request may still use it.
    }
    throw error;
  }
}

function extraDataOf({ extraData, metadata }: Submission, { req, createTime }: { req: Request; createTime: number }) {
  const usage = extraData.comfy_usage_source ?? req.headers['comfy-usage-source'];
  return {
    ...extraData,
    ...(usage !== undefined && { comfy_usage_source: usage }),
    ...(metadata && { job_metadata: metadata }),
    create_time: createTime,
  };
}

const queueFull = (limit: number): ApiError =>
  new ApiError('queue_full', `${limit} prompts are waiting: try again when some have run.`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
