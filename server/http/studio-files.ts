// The studio as `npm run build` leaves it: where it is, and its files, compressed where the client takes that.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Request, Response } from 'express';
import { sendStatic } from './static-files.ts';

/** Beside the built server, or in the repository if the server runs from its sources. */
const PLACES = ['../../web', '../../dist/web'];

/** The folder of the built studio; undefined if it has not been built. */
export const findStudio = (): string | undefined =>
  PLACES.map((place) => join(import.meta.dirname, place)).find((folder) => existsSync(join(folder, 'index.html')));

/** Content codings that the build writes beside a file, best first. */
const CODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

/** A build puts a hash of the content into the names below assets/. */
const FOREVER = 'public, max-age=31536000, immutable';
const ASK_AGAIN = 'no-cache';

/** Sends the file `name` of the studio. Throws 404 if there is none. */
export async function sendStudioFile(
  exchange: { req: Request; res: Response },
  { folder, name, headers = {} }: { folder: string; name: string; headers?: Readonly<Record<string, string>> },
): Promise<void> {
  const { req } = exchange;
  const coding = CODINGS.find(([coded, ending]) => accepts(req, coded) && existsSync(join(folder, name + ending)));
  await sendStatic(exchange, {
    folder,
    name: coding ? name + coding[1] : name,
    headers: {
      ...typeOf(name),
      ...(coding && { 'Content-Encoding': coding[0] }),
      Vary: 'Accept-Encoding',
      'Cache-Control': name.startsWith('assets/') ? FOREVER : ASK_AGAIN,
      ...headers,
    },
  });
}

const accepts = (req: Request, coding: string): boolean => req.acceptsEncodings(coding) !== false;

/** Of the file itself, not of its compressed form. */
function typeOf(name: string): Record<string, string> {
  const type = TYPES[name.slice(name.lastIndexOf('.'))];
  return type === undefined ? {} : { 'Content-Type': type };
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
};
