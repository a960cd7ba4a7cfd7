// GET / and what no other route has: a ComfyUI front end where one is given, else our own page.
import { randomBytes } from 'node:crypto';
import express, { type Router } from 'express';
import { pagePolicy } from '../../security.ts';
import { HttpError } from '../http-error.ts';
import { sendStatic } from '../static-files.ts';

/** The entry page must be asked for anew each time: it names the files of one version. */
const NEVER_CACHED = { 'Cache-Control': 'no-store, must-revalidate', Pragma: 'no-cache', Expires: '0' };

interface WebRootDeps {
  readonly frontEndRoot?: string;
  /** Our own page; `nonce` for its script and style. */
  page(nonce: string): string | Promise<string>;
}

export function webRootRoutes({ frontEndRoot, page }: WebRootDeps): Router {
  const router = express.Router();
  if (frontEndRoot === undefined)
    return router.get('/', async (_req, res) => {
      const nonce = randomBytes(16).toString('base64');
      const html = await page(nonce);
      res
        .set({ ...NEVER_CACHED, 'Content-Security-Policy': pagePolicy(nonce) })
        .type('text/html')
        .send(html);
    });
  return router.get('/{*path}', async (req, res) => {
    const { path } = req.params as { path?: string[] };
    const name = path?.join('/') ?? '';
    // A segment with a slash in it was %2F: no file is called so.
    if (path?.some((segment) => segment.includes('/'))) throw new HttpError(404, '404: Not Found');
    if (name === '')
      await sendStatic({ req, res }, { folder: frontEndRoot, name: 'index.html', headers: NEVER_CACHED });
    else await sendStatic({ req, res }, { folder: frontEndRoot, name });
  });
}
