// A flag that the server raises and the worker sees without its event loop: one byte of a file that both have open.
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The descriptor under which a worker has the file. */
const WORKER_FD = 4;

/** The server's end. Once it is closed, nothing moves it. */
export interface InterruptFlag {
  /** To be the worker's WORKER_FD: the fifth of its `stdio`. */
  readonly fd: number;
  raise(): void;
  lower(): void;
  close(): void;
}

/** A flag that is down. Undefined if no file can be made: then only the event loop hears interrupts. */
export function openInterruptFlag(): InterruptFlag | undefined {
  try {
    const folder = mkdtempSync(join(tmpdir(), 'pez-nodes-'));
    try {
      const fd = openSync(join(folder, 'interrupt'), 'w+', 0o600);
      let isOpen = true;
      const write = (byte: number) => void (isOpen && writeSync(fd, Uint8Array.of(byte), 0, 1, 0));
      write(0);
      const close = () => {
        if (isOpen) closeSync(fd);
        isOpen = false;
      };
      return { fd, raise: () => write(1), lower: () => write(0), close };
    } finally {
      rmSync(folder, { recursive: true, force: true }); // whoever has it open keeps it: nothing is left behind
    }
  } catch {
    return undefined;
  }
}

const byte = new Uint8Array(1);

/** The worker's end: whether the flag is up. */
export function isInterruptFlagUp(): boolean {
  try {
    return readSync(WORKER_FD, byte, 0, 1, 0) === 1 && byte[0] === 1;
  } catch {
    return false; // there is no flag
  }
}
