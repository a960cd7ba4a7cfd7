// GET and POST /users, and the settings of a user (protocol: Users and settings).
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Router } from 'express';
import { isRecord } from '../../../schemas/record.ts';
import { newUser, settings as settingsSchema } from '../../../schemas/requests.ts';
import { parseJson, stringifyJson } from '../../json.ts';
import { readJson } from '../body.ts';
import { HttpError } from '../http-error.ts';
import { limit } from '../limit.ts';
import { paramOf, sendEmpty, sendJson } from '../responses.ts';
import { createRouter } from '../router.ts';
import { replaceFile, type Users } from '../users.ts';

const MAX_SETTINGS_BYTES = 8 * 2 ** 20;

export function userRoutes({ users }: { users: Users }): Router {
  const oneByOne = limit(1);
  const bad = (error: string) => new HttpError(400, error, { json: { error } });

  return createRouter({
    'GET /users': async (_req, res) => {
      if (users.multiUser) sendJson(res, { storage: 'server', users: Object.fromEntries(await users.list()) });
      else sendJson(res, { storage: 'server', migrated: users.migrated });
    },
    'POST /users': async (req, res) => {
      const body = newUser.safeParse(await readJson(req, MAX_SETTINGS_BYTES));
      if (!body.success) throw bad('username not provided');
      sendJson(res, await users.add(body.data.username));
    },
    'GET /settings': async (req, res) => {
      sendJson(res, await readSettings(await users.folderOf(req.headers)));
    },
    'GET /settings/:id': async (req, res) => {
      const settings = await readSettings(await users.folderOf(req.headers));
      const id = paramOf(req, 'id');
      sendJson(res, Object.hasOwn(settings, id) ? settings[id] : null);
    },
    'POST /settings': async (req, res) => {
      const folder = await users.folderOf(req.headers);
      const values = await readJson(req, MAX_SETTINGS_BYTES);
      if (!settingsSchema.safeParse(values).success)
        throw new HttpError(400, 'The body must be an object: setting → value.');
      // Not the output of zod, which leaves out a key __proto__.
      await oneByOne(() => change(folder, values as Record<string, unknown>));
      sendEmpty(res);
    },
    'POST /settings/:id': async (req, res) => {
      const folder = await users.folderOf(req.headers);
      const value = await readJson(req, MAX_SETTINGS_BYTES);
      await oneByOne(() => change(folder, { [paramOf(req, 'id')]: value }));
      sendEmpty(res);
    },
  });
}

const fileOf = (folder: string): string => join(folder, 'comfy.settings.json');

/** `{}` if there are none, or if the file is damaged. */
async function readSettings(folder: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return parse(await readFile(fileOf(folder), 'utf8')) ?? {};
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value = parseJson(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Merges values into the file. A damaged file is set aside, for somebody to mend. */
async function change(folder: string, values: Readonly<Record<string, unknown>>): Promise<void> {
  const path = fileOf(folder);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const old = text === undefined ? {} : parse(text);
  if (old === undefined) await rename(path, `${path}.damaged`);
  await replaceFile(path, stringifyJson({ ...old, ...values }));
}
