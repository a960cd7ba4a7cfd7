// Ends this process when its parent is gone, even while its own event loop is busy: a thread of its own looks.
import { Worker } from 'node:worker_threads';

const LOOK_EVERY_MS = 1_000;

/**
 * Plain JavaScript: it runs in the thread as it stands. A process whose parent died gets another parent. The parent's id
 * is not for the thread to read: on a busy machine the parent may be gone by the time that the thread runs.
 */
const watch = (parent: number) => `
  setInterval(() => { if (process.ppid !== ${parent}) process.kill(process.pid, 'SIGKILL'); }, ${LOOK_EVERY_MS});
`;

/** The thread keeps nothing alive. On Windows, where a dead parent keeps its number, `disconnect` alone has to do. */
export function guardAgainstOrphaning(): void {
  process.on('disconnect', () => process.exit(0));
  const watcher = new Worker(watch(process.ppid), {
    eval: true,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 16 },
  });
  watcher.unref();
  watcher.on('error', () => undefined); // without it, `disconnect` is what is left
}
