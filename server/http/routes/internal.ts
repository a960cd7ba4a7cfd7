// /internal: the log and the data folders, for front ends (protocol: Logs and folders). No /api twin.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Router } from 'express';
import { z } from 'zod';
import { logSubscription } from '../../../schemas/requests.ts';
import { type DataFolders, isFolderType } from '../../files/data-folders.ts';
import type { ModelFiles } from '../../files/model-files.ts';
import type { ServerLog } from '../../log.ts';
import { readJson } from '../body.ts';
import { HttpError } from '../http-error.ts';
import { paramOf, sendEmpty, sendJson } from '../responses.ts';
import { createRouter } from '../router.ts';

/** Size of the terminal that the lines are meant for. */
export const LOG_SIZE = { cols: 120, rows: 40 } as const;

interface InternalDeps {
  readonly folders: DataFolders;
  readonly models: ModelFiles;
  readonly log: Pick<ServerLog, 'entries'>;
  /** Starts or stops sending new lines to a client (the socket hub's). */
  subscribeLogs(clientId: string, enabled: boolean): void;
}

export function internalRoutes({ folders, models, log, subscribeLogs }: InternalDeps): Router {
  return createRouter({
    'GET /internal/logs': (_req, res) => {
      const lines = log.entries().map(({ t, m }) => `${t} - ${m}`);
      sendJson(res, lines.join(''));
    },
    'GET /internal/logs/raw': (_req, res) => sendJson(res, { entries: log.entries(), size: LOG_SIZE }),
    'PATCH /internal/logs/subscribe': async (req, res) => {
      const body = logSubscription.safeParse(await readJson(req));
      if (!body.success) throw new HttpError(400, z.prettifyError(body.error));
      subscribeLogs(body.data.clientId, body.data.enabled);
      sendEmpty(res);
    },
    'GET /internal/folder_paths': (_req, res) => {
      const paths = models.folders().map((folder) => [folder, models.places(folder)]);
      sendJson(res, Object.fromEntries(paths));
    },
    'GET /internal/files/:type': async (req, res) => {
      const type = paramOf(req, 'type');
      if (!isFolderType(type)) return sendJson(res, { error: 'Invalid directory type' }, 400);
      const names = await newestFirst(folders[type]);
      const annotated = names.map((name) => `${name} [${type}]`);
      sendJson(res, annotated);
    },
  });
}

/** Visible files at the top of a folder. */
async function newestFirst(folder: string): Promise<string[]> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter(
    (entry) => entry.isFile() && !entry.name.startsWith('.'),
  );
  const dated = entries.map(async ({ name }) => {
    const entry = await stat(join(folder, name)).catch(() => undefined);
    return { name, modified: entry?.mtimeMs ?? 0 };
  });
  return (await Promise.all(dated)).sort((a, b) => b.modified - a.modified).map(({ name }) => name);
}
