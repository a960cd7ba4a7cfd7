// GET /, and every path that no other route takes: a ComfyUI front end if one is configured, otherwise the studio. GET /about: what this server offers.
import { randomBytes } from 'node:crypto';
import type { RequestHandler, Router } from 'express';
import { pagePolicy } from '../../security.ts';
import { HttpError } from '../http-error.ts';
import { createRouter } from '../router.ts';
import { sendStatic } from '../static-files.ts';
import { sendStudioPage } from './studio.ts';

/** The entry page must be fetched anew each time: it names the files of one version. */
const NEVER_CACHED = { 'Cache-Control': 'no-store, must-revalidate', Pragma: 'no-cache', Expires: '0' };

interface WebRootDeps {
  readonly frontEndRoot?: string;
  /** Of the built studio; without it, `/` shows what this server offers. */
  readonly studio?: string | undefined;
  /** What this server offers; `nonce` for its script and style. */
  page(nonce: string): string | Promise<string>;
}

export function webRootRoutes({ frontEndRoot, studio, page }: WebRootDeps): Router {
  const about: RequestHandler = async (_req, res) => {
    const nonce = randomBytes(16).toString('base64');
    const html = await page(nonce);
    res
      .set({ ...NEVER_CACHED, 'Content-Security-Policy': pagePolicy(nonce) })
      .type('text/html')
      .send(html);
  };
  if (frontEndRoot === undefined)
    return createRouter({
      'GET /': studio === undefined ? about : (req, res) => sendStudioPage({ req, res }, studio),
      'GET /about': about,
    });
  return createRouter({
    'GET /{*path}': async (req, res) => {
      const { path } = req.params as { path?: string[] };
      const name = path?.join('/') ?? '';
      // A segment with a slash in it was %2F: no file has such a name.
      if (path?.some((segment) => segment.includes('/'))) throw new HttpError(404, '404: Not Found');
      if (name === '')
        await sendStatic({ req, res }, { folder: frontEndRoot, name: 'index.html', headers: NEVER_CACHED });
      else await sendStatic({ req, res }, { folder: frontEndRoot, name });
    },
  });
}
