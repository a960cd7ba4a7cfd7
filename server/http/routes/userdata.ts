// Files of a user: workflows, subgraphs, user.css (protocol: User data).
import { readdir, rm, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import type { Request, Router } from 'express';
import { InputError } from '../../../engine/errors.ts';
import { fileError } from '../../files/file-error.ts';
import { listFiles } from '../../files/list-files.ts';
import { resolveInside, safeParts } from '../../files/safe-path.ts';
import type { UploadQuota } from '../../files/upload-quota.ts';
import { placeAt, type Received, receive, receivedFrom } from '../../files/uploads.ts';
import { bodyTooLarge, HttpError } from '../http-error.ts';
import { paramOf, queryOf, sendEmpty, sendFile, sendJson, userFileHeaders } from '../responses.ts';
import { createRouter } from '../router.ts';
import type { Users } from '../users.ts';
import { limitBytes } from './limit-bytes.ts';
import { declaredBytes } from './multipart.ts';

interface UserdataDeps {
  readonly users: Users;
  readonly maxBytes: number;
  /** Where files are kept until they are complete. */
  readonly tempFolder: string;
  readonly quota: UploadQuota;
}

export function userdataRoutes(deps: UserdataDeps): Router {
  const { users } = deps;
  return createRouter({
    'GET /userdata': async (req, res) => sendJson(res, await listing(await users.folderOf(req.headers), queryOf(req))),
    'GET /v2/userdata': async (req, res) => {
      const root = await users.folderOf(req.headers);
      sendJson(res, await treeOf(root, await folderIn(root, queryOf(req).get('path') ?? '')));
    },
    'GET /userdata/:file': async (req, res) => {
      const { name, path } = await target(users, req, 'file');
      await checkFile(path);
      const headers =
        name === 'user.css' ? { 'Content-Type': 'text/css' } : userFileHeaders(req, basename(path), { attach: true });
      await sendFile({ req, res }, path, headers);
    },
    'POST /userdata/:file': async (req, res) => {
      const to = await target(users, req, 'file');
      await save(req, to, deps);
      sendJson(res, await placed(req, to));
    },
    'DELETE /userdata/:file': async (req, res) => {
      const { path } = await target(users, req, 'file');
      await checkFile(path);
      await rm(path).catch((error) => Promise.reject(fileError(error, path)));
      sendEmpty(res, 204);
    },
    'POST /userdata/:file/move/:dest': async (req, res) => {
      const from = await target(users, req, 'file');
      const to = await target(users, req, 'dest');
      await checkFile(from.path);
      if (from.path !== to.path) await place(req, receivedFrom(from.path), to);
      sendJson(res, await placed(req, to));
    },
  });
}

/** A file of a user, named in the path of a request. */
interface Target {
  /** The user's folder. */
  readonly root: string;
  /** Below `root`, with forward slashes. */
  readonly name: string;
  /** Its real path. */
  readonly path: string;
}

async function target(users: Users, req: Request, param: string): Promise<Target> {
  const root = await users.folderOf(req.headers);
  const name = safeParts(paramOf(req, param)).join('/');
  if (name === '') throw new HttpError(400, 'Bad Request');
  return { root, name, path: await resolveInside(root, name) };
}

const isOn = (query: URLSearchParams, name: string): boolean => query.get(name)?.toLowerCase() === 'true';

/** The response of GET /userdata: names below `dir`, with `full_info` or `split` more about each. */
async function listing(root: string, query: URLSearchParams): Promise<unknown> {
  const dir = query.get('dir');
  if (!dir) throw new HttpError(400, 'Directory not provided');
  const folder = await folderIn(root, dir);
  const names = await listFiles(folder, { recurse: isOn(query, 'recurse') });
  if (isOn(query, 'full_info')) return Promise.all(names.map((name) => infoOf(join(folder, name), name)));
  return isOn(query, 'split') ? names.map((name) => [name, ...name.split('/')]) : names;
}

/** Writes the body of a request to its file. */
async function save(req: Request, to: Target, { maxBytes, tempFolder, quota }: UserdataDeps): Promise<void> {
  const declared = declaredBytes(req);
  if (declared > maxBytes) throw bodyTooLarge(maxBytes, declared);
  await quota.check(declared);
  const file = await receive(limitBytes(req, maxBytes), tempFolder);
  try {
    await quota.take(file.sizeBytes);
    await place(req, file, to);
  } finally {
    await file.discard();
  }
}

/** Puts a file at its place. Throws 409 if the place is taken and the query forbids overwriting. */
async function place(req: Request, file: Pick<Received, 'path'>, { root, name }: Target): Promise<void> {
  const overwrite = queryOf(req).get('overwrite') !== 'false';
  if (!(await placeAt(file, { root, name, overwrite }))) throw new HttpError(409, 'File already exists');
}

/** Throws 404 if there is no file. */
async function checkFile(path: string): Promise<void> {
  const isFile = await stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
  if (!isFile) throw new HttpError(404);
}

/** Real path of a folder of the user. Throws 403 and 404 with ComfyUI's texts. */
async function folderIn(root: string, dir: string): Promise<string> {
  let path: string;
  try {
    path = await resolveInside(root, dir);
  } catch (error) {
    if (error instanceof InputError) throw new HttpError(403, 'Invalid directory', { cause: error });
    throw error;
  }
  const isFolder = await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new HttpError(404, 'Directory not found');
  return path;
}

/** Times in whole milliseconds. */
async function infoOf(path: string, name: string): Promise<object> {
  const { size, mtimeMs, birthtimeMs } = await stat(path);
  return { path: name, size, modified: Math.trunc(mtimeMs), created: Math.trunc(birthtimeMs) };
}

/** What is told of a file that was placed. */
const placed = (req: Request, { name, path }: Target): unknown =>
  isOn(queryOf(req), 'full_info') ? infoOf(path, name) : name;

/** Everything below a folder: folders first, then sorted by lower-cased name; times in seconds. */
async function treeOf(root: string, folder: string): Promise<object[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const items = entries
    .filter((entry) => (entry.isFile() || entry.isDirectory()) && !entry.name.startsWith('.'))
    .map(async (entry) => {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      const item = { name: entry.name, path: relative(root, path).split(sep).join('/') };
      if (entry.isDirectory()) return { ...item, type: 'directory' };
      const { size, mtimeMs } = await stat(path);
      return { ...item, type: 'file', size, modified: mtimeMs / 1000 };
    });
  return (await Promise.all(items)).sort(
    (a, b) => a.type.localeCompare(b.type) || compare(a.name.toLowerCase(), b.name.toLowerCase()),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
