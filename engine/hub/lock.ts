// A folder's lock between processes: one downloads, the others wait and then find the files there.
//
// Whoever wants the lock puts a file of its own into the folder, `.lock-<random>`, and then lists the folder. If there is no other such
// file, it has the lock; otherwise it removes its own and tries again later. Of two contenders, the one that wrote later sees the other's
// file, so both can never have the lock at once. A file that has not been touched for a while has lost its owner. Anybody may delete
// it: its name is never used again, so the lock of a new owner cannot be deleted by mistake.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InputError } from '../errors.ts';
import { wait } from '../wait.ts';

const PREFIX = '.lock';
/** The owner touches its file this often; a file that has not been touched for `STALE_MS` has lost its owner. */
const TOUCH_MS = 5_000;
const STALE_MS = 30_000;
/** Plus a random time of up to the same length, so that two contenders that collided do not collide again. */
const POLL_MS = 150;

export interface LockOptions {
  signal?: AbortSignal;
  /** Replaceable by tests. */
  wait?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/**
 * Runs `work` while no other process or call holds the lock of that folder, which is made if it is missing. Throws FILE_UNWRITABLE, and the
 * signal's reason if it is aborted while waiting.
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

/** Puts `own` into the folder; it stays only if it is the only lock there. */
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
  // Not Date.now(): on a network drive, file times come from the server's clock.
  const now = statSync(own).mtimeMs;
  const locks = readdirSync(dir).filter((name) => name.startsWith(PREFIX));
  const held = locks.filter((name) => isHeld(join(dir, name), now));
  // `own` itself is missing if this process was suspended for so long that others removed it.
  return held.length === 1 && held[0] === basename(own);
}

/** Whether a lock has a living owner; a stale one is removed. */
function isHeld(path: string, now: number): boolean {
  const info = statSync(path, { throwIfNoEntry: false });
  if (!info) return false; // released in the meantime
  if (now - info.mtimeMs <= STALE_MS) return true;
  rmSync(path, { force: true });
  return false;
}

const write = (path: string, flag: 'wx' | 'r+'): void => writeFileSync(path, `${process.pid}\n`, { flag });

/** Rewrites the file to update its time; does not bring it back if it was removed. */
function touch(path: string): void {
  try {
    write(path, 'r+');
  } catch {
    // The folder was deleted by hand; the work will notice.
  }
}
