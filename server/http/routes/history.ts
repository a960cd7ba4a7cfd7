// GET and POST /history: how prompts ended, and forgetting them (comfy-api.md 1.1, 4.12).
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express, { type Request, type Response, type Router } from 'express';
import type { JobStore } from '../../queue/store.ts';
import { badRequest, readRemoval, storeGuard } from '../queue-requests.ts';
import { paramOf, queryOf, sendEmpty } from '../responses.ts';

export interface HistoryDeps {
  readonly store: Pick<JobStore, 'historyPieces' | 'historyText' | 'deleteHistory'>;
}

export function historyRoutes({ store }: HistoryDeps): Router {
  return express
    .Router()
    .get(
      '/history',
      storeGuard(async (req, res) => {
        const window = { maxItems: integer(req, 'max_items'), offset: integer(req, 'offset') };
        await sendPieces(res, store.historyPieces(window));
      }),
    )
    .get(
      '/history/:prompt_id',
      storeGuard((req, res) => {
        res.type('application/json').send(store.historyText(paramOf(req, 'prompt_id')));
      }),
    )
    .post(
      '/history',
      storeGuard(async (req, res) => {
        const { clear, ids } = await readRemoval(req);
        if (clear) store.deleteHistory();
        if (ids.length > 0) store.deleteHistory(ids);
        sendEmpty(res);
      }),
    );
}

/** The history may be larger than memory likes: it goes out as it is read. */
async function sendPieces(res: Response, pieces: Iterator<string>): Promise<void> {
  const first = pieces.next(); // fails while a status can still be sent
  res.status(200).type('application/json');
  if (res.req.method === 'HEAD') return void res.end();
  const rest = (function* () {
    for (let piece = first; !piece.done; piece = pieces.next()) yield piece.value;
  })();
  try {
    await pipeline(Readable.from(rest), res);
  } catch (error) {
    if (!res.destroyed) throw error; // else: the client has gone
  }
}

function integer(req: Request, name: string): number | undefined {
  const text = queryOf(req).get(name);
  if (text === null) return undefined;
  if (!/^[+-]?\d{1,15}$/.test(text.trim())) throw badRequest(`${name} must be an integer`);
  return Number(text);
}
