// POST /interrupt and /free: stopping the running prompt, releasing memory (protocol: Interrupt and free).
import type { Request, Router } from 'express';
import { freeRequest, interruptRequest } from '../../../schemas/requests.ts';
import type { Dispatcher } from '../../queue/dispatcher.ts';
import { readJson } from '../body.ts';
import { HttpError } from '../http-error.ts';
import { badRequest } from '../queue-requests.ts';
import { sendEmpty } from '../responses.ts';
import { createRouter } from '../router.ts';

export function interruptRoutes({
  dispatcher,
}: {
  readonly dispatcher: Pick<Dispatcher, 'interrupt' | 'free'>;
}): Router {
  return createRouter({
    'POST /interrupt': async (req, res) => {
      const id = await promptIdOf(req);
      dispatcher.interrupt(id);
      sendEmpty(res);
    },
    'POST /free': async (req, res) => {
      const { data } = freeRequest.safeParse(await readJson(req));
      if (!data) throw badRequest('The body must be {"unload_models": boolean, "free_memory": boolean}.');
      dispatcher.free({ unloadModels: data.unload_models ?? false, freeMemory: data.free_memory ?? false });
      sendEmpty(res);
    },
  });
}

/** Without a body, or with one that names no prompt, the running prompt is meant, whichever it is (protocol: Every route). */
async function promptIdOf(req: Request): Promise<string | undefined> {
  try {
    return interruptRequest.safeParse(await readJson(req)).data?.prompt_id || undefined;
  } catch (error) {
    if (error instanceof HttpError && error.status === 400) return undefined;
    throw error;
  }
}
