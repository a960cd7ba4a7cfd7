// GET and POST /queue: what is running and waiting, and removing what waits (protocol: Queue).
import type { Router } from 'express';
import type { Dispatcher } from '../../queue/dispatcher.ts';
import type { JobStore } from '../../queue/store.ts';
import { readRemoval, storeGuard } from '../queue-requests.ts';
import { sendEmpty, sendPieces } from '../responses.ts';
import { createRouter } from '../router.ts';

export interface QueueDeps {
  readonly store: Pick<JobStore, 'queuePieces'>;
  readonly dispatcher: Pick<Dispatcher, 'remove'>;
}

export function queueRoutes({ store, dispatcher }: QueueDeps): Router {
  return createRouter({
    'GET /queue': storeGuard((_req, res) => sendPieces(res, store.queuePieces())),
    'POST /queue': storeGuard(async (req, res) => {
      const { clear, ids } = await readRemoval(req);
      if (clear) dispatcher.remove();
      if (ids.length > 0) dispatcher.remove(ids);
      sendEmpty(res);
    }),
  });
}
