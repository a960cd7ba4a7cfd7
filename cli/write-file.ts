// A result → its file, in one step: it is written under another name and then renamed, so that no file is ever incomplete.
import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { InputError } from '../engine/errors.ts';

/** Checks, before the work begins, that a file can be written. Throws FILE_UNWRITABLE. */
export function checkWritable(path: string): void {
  const target = resolve(path);
  if (existsSync(target) && statSync(target).isDirectory())
    throw new InputError('FILE_UNWRITABLE', `Cannot write ${path}: it is a directory.`);
  let folder = dirname(target);
  while (!existsSync(folder)) folder = dirname(folder);
  try {
    if (!statSync(folder).isDirectory()) throw new Error(`${folder} is not a directory`);
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** Writes a file, with the folders above it. Throws FILE_UNWRITABLE. */
export function writeFileWhole(path: string, bytes: Uint8Array): void {
  const temporary = `${resolve(path)}.${process.pid}.part`;
  try {
    mkdirSync(dirname(temporary), { recursive: true });
    writeFileSync(temporary, bytes);
    renameSync(temporary, resolve(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw unwritable(path, error);
  }
}

const unwritable = (path: string, error: unknown): InputError =>
  new InputError('FILE_UNWRITABLE', `Cannot write ${path}: ${(error as Error).message}.`, { cause: error });
