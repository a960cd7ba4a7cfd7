// Processor time of a server on this machine, its children included: from /proc, so on Linux only.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The process that listens on this port; undefined where that can't be found out. */
export function findListener(port: number): number | undefined {
  const sockets = new Set(['tcp', 'tcp6'].flatMap((kind) => inodesOf(kind, port)).map((inode) => `socket:[${inode}]`));
  return numbersIn('/proc').find((pid) => openFiles(pid).some((file) => sockets.has(file)));
}

/** Milliseconds that the process and its descendants have been on a processor; undefined without /proc. */
export function processorMs(pid: number): number | undefined {
  try {
    const threads = numbersIn(`/proc/${pid}/task`);
    const own = threads.map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
    );
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    const total = own.reduce((sum, nanoseconds) => sum + nanoseconds, 0) / 1e6;
    return children.reduce((sum, child) => sum + (processorMs(Number(child)) ?? 0), total);
  } catch {
    return undefined;
  }
}

/** Sockets that listen (state 0A) on the port. */
function inodesOf(kind: string, port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const rows = read(`/proc/net/${kind}`)
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  return rows.filter(([, local, , state]) => state === '0A' && local?.endsWith(`:${hex}`)).map((row) => row[9]);
}

const numbersIn = (folder: string): number[] => list(folder).map(Number).filter(Number.isInteger);
const openFiles = (pid: number): string[] => list(`/proc/${pid}/fd`).map((name) => link(`/proc/${pid}/fd/${name}`));

const list = (folder: string): string[] => attempt(() => readdirSync(folder), []);
const read = (file: string): string => attempt(() => readFileSync(file, 'utf8'), '');
const link = (file: string): string => attempt(() => readlinkSync(file), '');

/** Processes end while they are looked at, and those of others are not ours to see. */
function attempt<T>(work: () => T, otherwise: T): T {
  try {
    return work();
  } catch {
    return otherwise;
  }
}
