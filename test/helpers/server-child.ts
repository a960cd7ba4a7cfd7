// Runs a server in a process of its own: `node --expose-gc --import tsx server-child.ts '<options>'`, told over IPC.
import { createLog } from '../../server/log.ts';
import { type StartOptions, startServer } from '../../server/main.ts';
import type { MemoryReport, ToServer } from './server-process.ts';

const options = JSON.parse(process.argv[2]) as StartOptions;
const started = performance.now();
const server = await startServer({
  ...options,
  log: createLog({ destination: { write: (line: string) => process.stderr.write(line) } }),
});
process.send?.({ url: server.url, port: server.port, startMs: performance.now() - started });

/** What is alive after a full collection. */
async function measure(): Promise<MemoryReport> {
  for (let round = 0; round < 3; round++) {
    await new Promise(setImmediate);
    globalThis.gc?.();
  }
  const { heapUsed, arrayBuffers, external, rss } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const type of process.getActiveResourcesInfo()) resources[type] = (resources[type] ?? 0) + 1;
  return { heapUsed, arrayBuffers, external, rss, resources };
}

process.on('message', async (message: ToServer) => {
  if (message === 'worker') process.send?.({ workerPid: server.workerPid ?? null });
  else if (message === 'memory') process.send?.(await measure());
  else if (message === 'close') {
    await server.close();
    process.send?.({ resources: process.getActiveResourcesInfo() });
    process.disconnect?.();
  }
});
