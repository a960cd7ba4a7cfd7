// What the routes of queue, history and jobs share: bodies that name what to remove, integers in queries, a database that fails.
import type { Request, RequestHandler, Response } from 'express';
import { removal } from '../../schemas/requests.ts';
import { StoreError } from '../queue/store.ts';
import { readJson } from './body.ts';
import { HttpError } from './http-error.ts';
import { queryOf } from './responses.ts';

/** Reads `{ clear, delete }`. Throws HttpError 400. */
export async function readRemoval(request: Request): Promise<{ clear: boolean; ids: readonly string[] }> {
  const { data, error } = removal.safeParse(await readJson(request));
  if (!data)
    throw badRequest(`The body must be {"clear": true} or {"delete": [prompt ids]}: ${error.issues[0].message}`);
  return { clear: data.clear ?? false, ids: data.delete ?? [] };
}

/** 400 with `{ error: message }`. */
export const badRequest = (message: string): HttpError => new HttpError(400, message, { json: { error: message } });

/** An integer of the query; undefined if it is missing or empty. Throws HttpError 400. */
export function readInteger(request: Request, name: string): number | undefined {
  const text = queryOf(request).get(name)?.trim();
  if (!text) return undefined;
  if (!/^[+-]?\d{1,15}$/.test(text)) throw badRequest(`${name} must be an integer`);
  return Number(text);
}

/** A handler whose StoreErrors become responses: 503, with what to do. */
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
