// Files of a folder that the owner of this server has chosen: a front end, the web files of a pack. Nothing outside it is served.
import type { Request, Response } from 'express';
import { InputError } from '../../engine/errors.ts';
import { resolveInside } from '../files/safe-path.ts';
import { HttpError } from './http-error.ts';
import { contentTypeOf, sendFile } from './responses.ts';

/** Sends the file `name` (already decoded) of `folder`. Throws 404 if it is missing or leads out of the folder. */
export async function sendStatic(
  exchange: { req: Request; res: Response },
  { folder, name, headers = {} }: { folder: string; name: string; headers?: Readonly<Record<string, string>> },
): Promise<void> {
  let path: string;
  try {
    path = await resolveInside(folder, name);
  } catch (error) {
    if (error instanceof InputError || (error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new HttpError(404, '404: Not Found', { cause: error });
    throw error;
  }
  try {
    await sendFile(exchange, path, { 'Content-Type': withCharset(contentTypeOf(path)), ...headers });
  } catch (error) {
    if (error instanceof HttpError && error.status === 404) throw new HttpError(404, '404: Not Found');
    throw error;
  }
}

const withCharset = (type: string): string =>
  /^(?:text\/|application\/(?:json|javascript)$)/.test(type) ? `${type}; charset=utf-8` : type;
