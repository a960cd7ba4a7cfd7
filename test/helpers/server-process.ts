// A server in a process of its own, to be killed, measured or run under a shell's limits.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ServerOptions } from '../../server/options.ts';

export type ToServer = 'memory' | 'worker' | 'close';

/** Bytes after a full collection, and what keeps the event loop: sockets, timers, … by kind. */
export interface MemoryReport {
  readonly heapUsed: number;
  readonly arrayBuffers: number;
  readonly external: number;
  readonly rss: number;
  readonly resources: Readonly<Record<string, number>>;
}

export interface ServerProcess {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** How long startServer took, ms. */
  readonly startMs: number;
  /** What it has written to stderr so far. */
  stderr(): string;
  memory(): Promise<MemoryReport>;
  workerPid(): Promise<number | undefined>;
  /** Ends it like a crash, and waits until it is gone. */
  kill(): Promise<void>;
  /** Stops it in good order; its exit code. */
  close(): Promise<number | null>;
}

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const child = join(import.meta.dirname, 'server-child.ts');

/**
 * Starts a server on a free port. `shell`: a command that is run before it in the same shell, e.g. `ulimit -f 100`.
 * `onSpawn` gets the process before it listens. Rejects with its stderr where it does not start.
 */
export async function startServerProcess(
  options: Partial<ServerOptions> & { readonly dataDir: string },
  { shell, onSpawn }: { shell?: string; onSpawn?: (process: ChildProcess) => void } = {},
): Promise<ServerProcess> {
  const args = ['--expose-gc', '--import', tsx, child, JSON.stringify({ port: 0, ...options })];
  const [command, all] = shell
    ? ['/bin/sh', ['-c', `${shell}; exec "$0" "$@"`, process.execPath, ...args]]
    : [process.execPath, args];
  const server: ChildProcess = spawn(command, all, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  onSpawn?.(server);
  let stderr = '';
  server.stderr?.on('data', (data) => {
    stderr += data;
  });
  const ended = once(server, 'exit');
  const answer = async <T>(): Promise<T> => {
    const reply = await Promise.race([
      once(server, 'message'),
      ended.then(([code, signal]) => Promise.reject(new Error(`the server ended (${code ?? signal}): ${stderr}`))),
    ]);
    return reply[0] as T;
  };
  const ask = <T>(question: ToServer): Promise<T> => {
    const reply = answer<T>();
    server.send(question);
    return reply;
  };
  const first = await answer<{ url: string; port: number; startMs: number }>();
  return {
    ...first,
    pid: server.pid as number,
    stderr: () => stderr,
    memory: () => ask<MemoryReport>('memory'),
    workerPid: async () => (await ask<{ workerPid: number | null }>('worker')).workerPid ?? undefined,
    async kill() {
      server.kill('SIGKILL');
      await ended;
    },
    async close() {
      await ask('close');
      const [code] = await ended;
      return code as number | null;
    },
  };
}
