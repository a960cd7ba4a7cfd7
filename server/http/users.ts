// Users: one, `default`; or, with --multi-user, those of user/users.json, named by the header Comfy-User. This is not authentication.
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { dirname, join } from 'node:path';
import type { DataFolders } from '../files/data-folders.ts';
import { fileError } from '../files/file-error.ts';
import { resolveInside } from '../files/safe-path.ts';
import { HttpError } from './http-error.ts';
import { limit } from './limit.ts';

export interface Users {
  readonly multiUser: boolean;
  /** Whether the folder of the user `default` exists. */
  readonly migrated: boolean;
  /** The folder of the user who sent the request; made if it is missing. Throws 401 for unknown users. */
  folderOf(headers: IncomingHttpHeaders): Promise<string>;
  /** Id → name. */
  list(): Promise<ReadonlyMap<string, string>>;
  /** Adds a user and returns its id. Throws 400. */
  add(name: string): Promise<string>;
}

const DEFAULT = 'default';
/** Folders of the system, which HTTP must not reach. */
const isSystem = (id: string): boolean => id.startsWith('__');

/** Writes a file completely or not at all. Throws FILE_UNWRITABLE. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const fresh = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(fresh, text);
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw fileError(error, path);
  }
}

export function createUsers({ folders, multiUser }: { folders: DataFolders; multiUser: boolean }): Users {
  const file = join(folders.user, 'users.json');
  const oneByOne = limit(1); // read, change, write must not overlap

  async function list(): Promise<Map<string, string>> {
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch {
      return new Map([[DEFAULT, DEFAULT]]);
    }
    const users: unknown = JSON.parse(text);
    return new Map(Object.entries(users as object).filter(([, name]) => typeof name === 'string'));
  }

  async function idOf(headers: IncomingHttpHeaders): Promise<string> {
    if (!multiUser) return DEFAULT;
    const id = String(headers['comfy-user'] ?? '');
    if (isSystem(id) || !(await list()).has(id)) throw new HttpError(401, `Unknown user: ${id.slice(0, 100)}`);
    return id;
  }

  return {
    multiUser,
    get migrated() {
      return existsSync(join(folders.user, DEFAULT));
    },
    list,
    async folderOf(headers) {
      const path = await resolveInside(folders.user, await idOf(headers));
      await mkdir(path, { recursive: true }).catch((error) => Promise.reject(fileError(error, path)));
      return path;
    },
    add: (name) =>
      oneByOne(async () => {
        const trimmed = name.trim();
        const bad = (error: string) => new HttpError(400, error, { json: { error } });
        if (trimmed === '') throw bad('username not provided');
        if (isSystem(trimmed)) throw bad('System User prefix not allowed');
        const users = await list();
        if ([...users.values()].includes(trimmed)) throw bad('Duplicate username.');
        const id = `${trimmed.replace(/[^a-zA-Z0-9-_]+/g, '-').slice(0, 100)}_${randomUUID()}`;
        users.set(id, trimmed);
        await replaceFile(file, JSON.stringify(Object.fromEntries(users), null, 2));
        return id;
      }),
  };
}
