// What the routes of queue, history and jobs share: bodies that name what to remove, and a database that fails.
import type { Request, RequestHandler, Response } from 'express';
import { removal } from '../../schemas/requests.ts';
import { StoreError } from '../queue/store.ts';
import { readJson } from './body.ts';
import { HttpError } from './http-error.ts';

/** Reads `{ clear, delete }`. Throws HttpError 400. */
export async function readRemoval(request: Request): Promise<{ clear: boolean; ids: readonly string[] }> {
  const { data, error } = removal.safeParse(await readJson(request));
  if (!data)
    throw badRequest(`The body must be {"clear": true} or {"delete": [prompt ids]}: ${error.issues[0].message}`);
  return { clear: data.clear ?? false, ids: data.delete ?? [] };
}

/** 400 with `{ error: message }`. */
export const badRequest = (message: string): HttpError => new HttpError(400, message, { json: { error: message } });

/** A handler whose StoreErrors are answered with 503 and what to do. */
export const storeGuard =
  (handle: (req: Request, res: Response) => void | Promise<void>): RequestHandler =>
  async (req, res) => {
    try {
      await handle(req, res);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw new HttpError(503, error.message, { json: { error: error.message }, cause: error });
    }
  };
