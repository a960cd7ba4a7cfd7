// A folder's lock between processes: one downloads, the others wait and then find the files there.
import { mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InputError } from '../errors.ts';

/** The holder touches its lock this often; a lock that was not touched for `STALE_MS` has lost its holder. */
const TOUCH_MS = 5_000;
const STALE_MS = 30_000;
const POLL_MS = 250;

export interface LockOptions {
  signal?: AbortSignal;
  wait?: (ms: number) => Promise<void>;
}

/** Runs `work` while holding `<dir>/.lock`. Throws FILE_UNWRITABLE where the folder cannot be written. */
export async function withLock<T>(dir: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const path = join(dir, '.lock');
  makeFolder(dir);
  while (!acquire(path)) {
    options.signal?.throwIfAborted();
    await (options.wait ?? sleep)(POLL_MS);
  }
  const touch = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(path, now, now);
    } catch {
      // The folder was removed by hand; the work will notice.
    }
  }, TOUCH_MS).unref();
  try {
    return await work();
  } finally {
    clearInterval(touch);
    rmSync(path, { force: true });
  }
}

function makeFolder(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true });
  } catch (error) {
    throw unwritable(error);
  }
}

function acquire(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(error);
  }
  const info = statSync(path, { throwIfNoEntry: false });
  if (info && Date.now() - info.mtimeMs > STALE_MS) rmSync(path, { force: true });
  return false;
}

const unwritable = (error: unknown): InputError =>
  new InputError('FILE_UNWRITABLE', `Cannot write to the model cache: ${(error as Error).message}.`, { cause: error });
