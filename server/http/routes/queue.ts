// GET and POST /queue: what is running and waiting, and removing what waits (protocol: Queue).
import type { Router } from 'express';
import type { Dispatcher } from '../../queue/dispatcher.ts';
import type { JobStore } from '../../queue/store.ts';
import { readRemoval, storeGuard } from '../queue-requests.ts';
import { sendEmpty } from '../responses.ts';
import { createRouter } from '../router.ts';

export interface QueueDeps {
  readonly store: Pick<JobStore, 'queueText'>;
  readonly dispatcher: Pick<Dispatcher, 'remove'>;
}

export function queueRoutes({ store, dispatcher }: QueueDeps): Router {
  return createRouter({
    'GET /queue': storeGuard((_req, res) => {
      res.type('application/json').send(store.queueText());
    }),
    'POST /queue': storeGuard(async (req, res) => {
      const { clear, ids } = await readRemoval(req);
      if (clear) dispatcher.remove();
      if (ids.length > 0) dispatcher.remove(ids);
      sendEmpty(res);
    }),
  });
}
