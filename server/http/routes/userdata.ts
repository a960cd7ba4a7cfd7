// Files of a user: workflows, sub-graphs, user.css (comfy-api.md 1.4).
import { readdir, rm, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import express, { type Request, type Router } from 'express';
import { InputError } from '../../../engine/errors.ts';
import { fileError } from '../../files/file-error.ts';
import { listFiles } from '../../files/list-files.ts';
import { resolveInside, safeParts } from '../../files/safe-path.ts';
import { placeAt, receive, receivedFrom } from '../../files/uploads.ts';
import { bodyTooLarge, HttpError } from '../http-error.ts';
import { paramOf, queryOf, sendEmpty, sendFile, sendJson, userFileHeaders } from '../responses.ts';
import type { Users } from '../users.ts';
import { limitBytes } from './limit-bytes.ts';

interface UserdataDeps {
  readonly users: Users;
  readonly maxBytes: number;
  /** Where files wait until they are whole. */
  readonly tempFolder: string;
}

export function userdataRoutes({ users, maxBytes, tempFolder }: UserdataDeps): Router {
  /** The user's folder, and the real path of a file named in the path of the request. */
  const target = async (req: Request, param: string) => {
    const root = await users.folderOf(req.headers);
    const name = safeParts(paramOf(req, param)).join('/');
    if (name === '') throw new HttpError(400, 'Bad Request');
    return { root, name, path: await resolveInside(root, name) };
  };

  return express
    .Router()
    .get('/userdata', async (req, res) => {
      const query = queryOf(req);
      const dir = query.get('dir');
      if (!dir) throw new HttpError(400, 'Directory not provided');
      const folder = await folderIn(await users.folderOf(req.headers), dir);
      const names = await listFiles(folder, { recurse: query.get('recurse')?.toLowerCase() === 'true' });
      if (query.get('full_info')?.toLowerCase() === 'true')
        sendJson(res, await Promise.all(names.map(async (name) => infoOf(join(folder, name), name))));
      else if (query.get('split')?.toLowerCase() === 'true')
        sendJson(
          res,
          names.map((name) => [name, ...name.split('/')]),
        );
      else sendJson(res, names);
    })
    .get('/v2/userdata', async (req, res) => {
      const root = await users.folderOf(req.headers);
      sendJson(res, await treeOf(root, await folderIn(root, queryOf(req).get('path') ?? '')));
    })
    .get('/userdata/:file', async (req, res) => {
      const { name, path } = await target(req, 'file');
      await checkFile(path);
      const headers =
        name === 'user.css' ? { 'Content-Type': 'text/css' } : userFileHeaders(req, basename(path), { attach: true });
      await sendFile({ req, res }, path, headers);
    })
    .post('/userdata/:file', async (req, res) => {
      const { root, name, path } = await target(req, 'file');
      const declared = Number(req.headers['content-length'] ?? 0);
      if (declared > maxBytes) throw bodyTooLarge(maxBytes, declared);
      const file = await receive(limitBytes(req, maxBytes), tempFolder);
      try {
        if (!(await placeAt(file, { root, name, overwrite: queryOf(req).get('overwrite') !== 'false' })))
          throw new HttpError(409, 'File already exists');
      } finally {
        await file.discard();
      }
      sendJson(res, await placed(req, name, path));
    })
    .delete('/userdata/:file', async (req, res) => {
      const { path } = await target(req, 'file');
      await checkFile(path);
      await rm(path).catch((error) => Promise.reject(fileError(error, path)));
      sendEmpty(res, 204);
    })
    .post('/userdata/:file/move/:dest', async (req, res) => {
      const from = await target(req, 'file');
      const to = await target(req, 'dest');
      await checkFile(from.path);
      const overwrite = queryOf(req).get('overwrite') !== 'false';
      if (from.path !== to.path && !(await placeAt(receivedFrom(from.path), { ...to, overwrite })))
        throw new HttpError(409, 'File already exists');
      sendJson(res, await placed(req, to.name, to.path));
    });
}

/** Throws 404 where there is no file. */
async function checkFile(path: string): Promise<void> {
  const isFile = await stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
  if (!isFile) throw new HttpError(404);
}

/** Real path of a folder of the user. Throws 403 and 404 in ComfyUI's words. */
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

const placed = (req: Request, name: string, path: string): unknown =>
  queryOf(req).get('full_info')?.toLowerCase() === 'true' ? infoOf(path, name) : name;

/** Everything below a folder, folders first, then by lower-cased name; times in seconds. */
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
