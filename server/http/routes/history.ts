// GET and POST /history: how prompts ended, and removing entries (protocol: History).
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response, Router } from 'express';
import type { JobStore } from '../../queue/store.ts';
import { readInteger, readRemoval, storeGuard } from '../queue-requests.ts';
import { paramOf, sendEmpty } from '../responses.ts';
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

/** Sends the history while it is read: all of it at once may be too large for memory. */
async function sendPieces(res: Response, pieces: Iterator<string>): Promise<void> {
  const first = pieces.next(); // if reading fails, it fails while a status can still be sent
  res.status(200).type('application/json');
  if (res.req.method === 'HEAD') return void res.end();
  const rest = (function* () {
    for (let piece = first; !piece.done; piece = pieces.next()) yield piece.value;
  })();
  try {
    await pipeline(Readable.from(rest), res);
  } catch (error) {
    if (!res.destroyed) throw error; // otherwise the client has gone
  }
}
