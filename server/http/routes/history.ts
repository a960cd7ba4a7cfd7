// GET and POST /history: how prompts ended, and removing entries (protocol: History).
import type { Router } from 'express';
import type { JobStore } from '../../queue/store.ts';
import { readInteger, readRemoval, storeGuard } from '../queue-requests.ts';
import { paramOf, sendEmpty, sendPieces } from '../responses.ts';
import { createRouter } from '../router.ts';

export interface HistoryDeps {
  readonly store: Pick<JobStore, 'historyPieces' | 'historyText' | 'deleteHistory'>;
}

export function historyRoutes({ store }: HistoryDeps): Router {
  return createRouter({
    'GET /history': storeGuard(async (req, res) => {
      const window = { maxItems: readInteger(req, 'max_items'), offset: readInteger(req, 'offset') };
      await sendPieces(res, store.historyPieces(window));
    }),
    'GET /history/:prompt_id': storeGuard((req, res) => {
      res.type('application/json').send(store.historyText(paramOf(req, 'prompt_id')));
    }),
    'POST /history': storeGuard(async (req, res) => {
      const { clear, ids } = await readRemoval(req);
      if (clear) store.deleteHistory();
      if (ids.length > 0) store.deleteHistory(ids);
      sendEmpty(res);
    }),
  });
}
