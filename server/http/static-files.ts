// Files of a folder that the owner of this server chose: a front end, a pack's web files. Nothing outside of it is served.
import type { Request, Response } from 'express';
import { InputError } from '../../engine/errors.ts';
import { resolveInside } from '../files/safe-path.ts';
import { HttpError } from './http-error.ts';
import { contentTypeOf, sendFile } from './responses.ts';

/** Sends `name` (decoded already) of `folder`. Throws 404 for what is not there and for what would lead out. */
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
