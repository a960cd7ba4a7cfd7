// GET /studio: the page for prompts, and its files. It needs nothing but this server's public routes.
import type { Router } from 'express';
import { studioPolicy } from '../../security.ts';
import { HttpError } from '../http-error.ts';
import { createRouter } from '../router.ts';
import { sendStudioFile } from '../studio-files.ts';

const NOT_BUILT = 'The studio has not been built: run npm run build.';

/** Sends the page itself, with the policy under which it runs. */
export const sendStudioPage = (exchange: Parameters<typeof sendStudioFile>[0], folder: string): Promise<void> =>
  sendStudioFile(exchange, {
    folder,
    name: 'index.html',
    headers: { 'Cache-Control': 'no-store', 'Content-Security-Policy': studioPolicy },
  });

/** `folder`: of the built studio; undefined if it has not been built. */
export function studioRoutes({ folder }: { folder: string | undefined }): Router {
  return createRouter({
    'GET /studio': async (req, res) => {
      if (folder === undefined) throw new HttpError(404, NOT_BUILT);
      await sendStudioPage({ req, res }, folder);
    },
    'GET /studio/{*path}': async (req, res) => {
      const { path = [] } = req.params as { path?: string[] };
      // A segment with a slash in it was %2F: no file has such a name.
      if (folder === undefined || path.some((segment) => segment.includes('/')))
        throw new HttpError(404, '404: Not Found');
      const name = path.join('/');
      if (name === '' || name === 'index.html') await sendStudioPage({ req, res }, folder);
      else await sendStudioFile({ req, res }, { folder, name });
    },
  });
}
