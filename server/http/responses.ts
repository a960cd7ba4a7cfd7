// What routes send: JSON, nothing, a file; and how they read their parameters.
import { basename, dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { lookup } from 'mime-types';
import send from 'send';
import { stringifyJson } from '../json.ts';
import { filenameParameter, isDangerousType } from '../security.ts';
import { HttpError } from './http-error.ts';

/** Sends JSON; bigint as bare numbers, NaN and the infinities as null. */
export function sendJson(res: Response, value: unknown, status = 200): void {
  res.status(status).type('application/json').send(stringifyJson(value));
}

/** Sends JSON in pieces while they are read: all of it at once may be too large for memory, or for a string. */
export async function sendPieces(res: Response, pieces: Iterator<string>): Promise<void> {
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

/** "200 empty" (protocol: Every route); status 204 has no such headers either. */
export function sendEmpty(res: Response, status = 200): void {
  res.status(status);
  if (status !== 204) res.setHeader('Content-Length', 0).setHeader('Content-Type', 'application/octet-stream');
  res.end();
}

/** Parameters after the question mark; `get` returns the first of repeated ones. */
export const queryOf = (req: Request): URLSearchParams =>
  new URLSearchParams(req.originalUrl.includes('?') ? req.originalUrl.slice(req.originalUrl.indexOf('?') + 1) : '');

/** A parameter of the path; Express has decoded it once, after matching. */
export const paramOf = (req: Request, name: string): string => {
  const value = req.params[name];
  return Array.isArray(value) ? value.join('/') : (value ?? '');
};

/** A signal that is aborted when the client hangs up before it has its response. */
export function untilGone(res: Response): AbortSignal {
  const gone = new AbortController();
  res.once('close', () => gone.abort(new HttpError(499, 'The client has gone.')));
  return gone.signal;
}

/** The type of a file by its name; `application/octet-stream` if unknown. */
export const contentTypeOf = (path: string): string => lookup(path) || 'application/octet-stream';

/**
 * Sends a file with Range, ETag and Last-Modified. `path` is trusted: it came from resolveInside. Throws HttpError 404, 416.
 * `headers`: set on success; Content-Type comes from the name unless it is among them.
 */
export function sendFile(
  { req, res }: { req: Request; res: Response },
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    // send decodes its path once more, hence encodeURIComponent.
    const file = send(req, encodeURIComponent(basename(path)), {
      root: dirname(path),
      dotfiles: 'allow',
      index: false,
      cacheControl: false,
    });
    file.on('headers', () => {
      for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
    });
    file.on('directory', () => reject(new HttpError(404)));
    file.on('error', (error: Error & { status?: number; headers?: Record<string, string> }) => {
      for (const name of ['Content-Type', 'Content-Disposition', 'Last-Modified', 'ETag']) res.removeHeader(name);
      for (const [name, value] of Object.entries(error.headers ?? {})) res.setHeader(name, value);
      const status = error.status ?? 500;
      reject(status < 500 ? new HttpError(status, '', { cause: error }) : error);
    });
    res.on('close', resolve);
    file.pipe(res);
  });
}

/**
 * Headers of a file that came from a user: nothing that a browser would run is shown under our origin. SVG stays a picture
 * if the browser asks for one (`Sec-Fetch-Dest: image`), because scripts in it do not run there.
 */
export function userFileHeaders(req: Request, filename: string, { attach = false } = {}): Record<string, string> {
  const contentType = contentTypeOf(filename);
  const name = filenameParameter(filename);
  if (contentType === 'image/svg+xml' && req.headers['sec-fetch-dest'] === 'image' && !attach)
    return {
      'Content-Type': contentType,
      'Content-Disposition': name,
      Vary: 'Sec-Fetch-Dest',
      'Cache-Control': 'no-store',
      'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
    };
  if (isDangerousType(contentType))
    return { 'Content-Type': 'application/octet-stream', 'Content-Disposition': `attachment; ${name}` };
  return { 'Content-Type': contentType, 'Content-Disposition': attach ? `attachment; ${name}` : name };
}
