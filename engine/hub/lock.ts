// A folder's lock between processes: one downloads, the others wait and then find the files there.
//
// Everybody who wants the lock puts a file of his own into the folder, `.lock-<random>`, and then looks around: who sees no other such
// file has the lock, who does takes his own away and tries again later. Of two, the one who wrote last sees the other's file, so that
// never both have it. Nobody renames or rewrites a lock: a file that was not touched for a while has lost its owner and may be
// deleted by anybody, since its name will never be another owner's.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InputError } from '../errors.ts';
import { wait } from '../wait.ts';

const PREFIX = '.lock';
/** The owner touches its file this often; a file that was not touched for `STALE_MS` has lost its owner. */
const TOUCH_MS = 5_000;
const STALE_MS = 30_000;
/** Plus up to as much again at random, so that two who met do not meet again. */
const POLL_MS = 150;

export interface LockOptions {
  signal?: AbortSignal;
  /** Replaceable by tests. */
  wait?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/**
 * Runs `work` while no other process or call holds the lock of that folder, which is made if it is missing. Throws FILE_UNWRITABLE, and the
 * signal's reason if it is aborted before its turn comes.
 */
export async function withLock<T>(dir: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const own = join(dir, `${PREFIX}-${randomUUID()}`);
  while (!acquire(dir, own)) await (options.wait ?? wait)(POLL_MS * (1 + Math.random()), options.signal);
  const heartbeat = setInterval(() => touch(own), TOUCH_MS).unref();
  try {
    options.signal?.throwIfAborted();
    return await work();
  } finally {
    clearInterval(heartbeat);
    rmSync(own, { force: true });
  }
}

/** Leaves `own` in the folder if it is the only lock there. */
function acquire(dir: string, own: string): boolean {
  try {
    mkdirSync(dir, { recursive: true });
    write(own, 'wx');
    const alone = isAlone(dir, own);
    if (!alone) rmSync(own, { force: true });
    return alone;
  } catch (error) {
    throw new InputError('FILE_UNWRITABLE', `Cannot write to the model cache: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

function isAlone(dir: string, own: string): boolean {
  // The time is that of the clock that stamps the others' files, too: a network drive has its own.
  const now = statSync(own).mtimeMs;
  const locks = readdirSync(dir).filter((name) => name.startsWith(PREFIX));
  const held = locks.filter((name) => isHeld(join(dir, name), now));
  // If this process slept for so long that it was given up, its own is not there.
  return held.length === 1 && held[0] === basename(own);
}

/** Whether a lock's owner is alive; what a dead one left is removed. */
function isHeld(path: string, now: number): boolean {
  const info = statSync(path, { throwIfNoEntry: false });
  if (!info) return false; // given back meanwhile
  if (now - info.mtimeMs <= STALE_MS) return true;
  rmSync(path, { force: true });
  return false;
}

const write = (path: string, flag: 'wx' | 'r+'): void => writeFileSync(path, `${process.pid}\n`, { flag });

/** Writes the file anew, for its time; it is not made again if somebody removed it. */
function touch(path: string): void {
  try {
    write(path, 'r+');
  } catch {
    // The folder was removed by hand; the work will notice.
  }
}
