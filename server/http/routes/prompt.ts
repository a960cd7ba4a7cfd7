// POST and GET /prompt: a graph is validated and queued (protocol: Queue; Submitting a prompt).
import type { Request, Response, Router } from 'express';
import type { NodeErrors, PromptError } from '../../../schemas/errors.ts';
import { isRecord } from '../../../schemas/record.ts';
import type { Dispatcher } from '../../queue/dispatcher.ts';
import { type JobStore, StoreError } from '../../queue/store.ts';
import { type ValidationOptions, validatePrompt } from '../../validate/validate-prompt.ts';
import { readJson } from '../body.ts';
import { HttpError } from '../http-error.ts';
import { badBody, duplicateId, type PromptFields, queueFull, queueUnavailable, readFields } from '../prompt-request.ts';
import { sendJson } from '../responses.ts';
import { createRouter } from '../router.ts';

export interface PromptDeps extends Pick<ValidationOptions, 'registry' | 'sources' | 'files'> {
  readonly dispatcher: Pick<Dispatcher, 'accept' | 'queueRemaining'>;
  readonly store: Pick<JobStore, 'nextNumber' | 'pendingCount' | 'has'>;
  /** Prompts that may wait. */
  readonly maxQueueLength: number;
  readonly maxBytes?: number;
}

interface Refusal {
  readonly error: PromptError;
  readonly nodeErrors?: NodeErrors;
  readonly status?: number;
}

export function promptRoutes(deps: PromptDeps): Router {
  return createRouter({
    'GET /prompt': (_req, res) => sendJson(res, { exec_info: { queue_remaining: deps.dispatcher.queueRemaining() } }),
    'POST /prompt': async (req, res) => {
      try {
        await queuePrompt(deps, req, res);
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        refuse(res, { error: queueUnavailable(error.message), status: 503 });
      }
    },
  });
}

const refuse = (res: Response, { error, nodeErrors = {}, status = 400 }: Refusal): void =>
  sendJson(res, { error, node_errors: nodeErrors }, status);

async function queuePrompt(deps: PromptDeps, req: Request, res: Response): Promise<void> {
  const { store, dispatcher } = deps;
  const body = await readBody(deps, req);
  if ('error' in body) return refuse(res, body);
  const fields = readFields(body.json);
  const number = numberOf(fields, body.json, store);
  if ('error' in fields) return refuse(res, fields);
  const { prompt, outputs, nodeErrors, error } = await validatePrompt(fields.prompt, {
    ...deps,
    targets: fields.targets,
  });
  if (error) return refuse(res, { error, nodeErrors });
  // Nothing is awaited from here on: of two requests with the same id, only one can pass.
  if (store.has(fields.promptId)) return refuse(res, { error: duplicateId(fields.promptId) });
  if (store.pendingCount() >= deps.maxQueueLength) {
    return refuse(res, { error: queueFull(deps.maxQueueLength), status: 429 });
  }
  const createTime = Date.now();
  const usage = fields.extraData.comfy_usage_source ?? req.headers['comfy-usage-source'];
  const letStart = dispatcher.accept({
    promptId: fields.promptId,
    prompt,
    outputsToExecute: outputs,
    extraData: {
      ...fields.extraData,
      ...(usage !== undefined && { comfy_usage_source: usage }),
      create_time: createTime,
    },
    number,
    createTime,
    clientId: fields.clientId,
  });
  // No event of the prompt may reach the client before this response (protocol: Order of events, rule 3). `close` always
  // comes, even if the client hangs up; if it hung up during validation, `close` has come already.
  if (res.destroyed) letStart();
  else res.once('close', letStart);
  sendJson(res, { prompt_id: fields.promptId, number, node_errors: nodeErrors });
}

async function readBody({ maxBytes }: PromptDeps, req: Request): Promise<{ json: unknown } | Refusal> {
  try {
    return { json: await readJson(req, maxBytes) };
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return { error: badBody(error.message), status: error.status };
  }
}

/** Every request without a number advances the counter, even one that is refused (protocol: Submitting a prompt). */
function numberOf(
  fields: PromptFields | { error: PromptError },
  body: unknown,
  store: Pick<JobStore, 'nextNumber'>,
): number {
  if (isRecord(body) && body.number !== undefined && body.number !== null) {
    return 'error' in fields ? 0 : (fields.number as number);
  }
  const next = store.nextNumber();
  return !('error' in fields) && fields.front ? -next : next;
}
