// A real server with the routes of the queue, a real store, and a worker and a hub that only note what happens.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineNode, float, int, port } from '../../nodes/define-node.ts';
import type { NodeFiles } from '../../nodes/node-context.ts';
import type { ExecutionEvent } from '../../schemas/events.ts';
import { mountRouters } from '../../server/http/middleware.ts';
import { historyRoutes } from '../../server/http/routes/history.ts';
import { interruptRoutes } from '../../server/http/routes/interrupt.ts';
import { jobsRoutes } from '../../server/http/routes/jobs.ts';
import { promptRoutes } from '../../server/http/routes/prompt.ts';
import { queueRoutes } from '../../server/http/routes/queue.ts';
import type { Job, JobOutcome } from '../../server/job.ts';
import { createLog } from '../../server/log.ts';
import type { Registry } from '../../server/packs/registry.ts';
import { createDispatcher } from '../../server/queue/dispatcher.ts';
import { openJobStore } from '../../server/queue/sqlite-store.ts';
import type { JobStore } from '../../server/queue/store.ts';

const shared = { displayName: '', category: '', description: '', run: () => ({}) as never };
const definitions = [
  defineNode({
    ...shared,
    type: 'Make',
    inputs: { seed: int({ max: 2n ** 64n - 1n }), scale: float() },
    outputs: { OUT: port('THING') },
  }),
  defineNode({ ...shared, type: 'Show', outputNode: true, inputs: { thing: port('THING') }, outputs: {} }),
];
const registry: Registry = new Map(definitions.map((definition) => [definition.type, { definition, module: 'nodes' }]));

/** What JSON.parse gives: the tests look at it with schemas or by comparing. */
type Json = ReturnType<typeof JSON.parse>;

/** A prompt that can run. */
export const prompt = {
  '1': { class_type: 'Make', inputs: { seed: 1, scale: 0.5 } },
  '2': { class_type: 'Show', inputs: { thing: ['1', 0] } },
};

interface RunningJob {
  readonly job: Job;
  readonly emit: (event: ExecutionEvent) => void;
  /** Ends the job; `status` and outputs as they should be. */
  end(outcome?: Partial<JobOutcome>): void;
}

export interface QueueServerOptions {
  readonly startDelayMs?: number;
  readonly maxQueueLength?: number;
  readonly dataDir?: string;
  /** The worker lets an interrupted job go on. */
  readonly stubborn?: boolean;
  readonly closeWithinMs?: number;
  readonly maxBytes?: number;
}

/** Starts it on a free port. */
export async function startQueueServer(options: QueueServerOptions = {}) {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'queue-'));
  const store: JobStore = openJobStore({ file: join(dataDir, 'queue.sqlite'), maxBytes: options.maxBytes });
  /** Everything that clients would see, in order: `status n`, `client: type`. */
  const seen: string[] = [];
  const freed: object[] = [];
  const waiting: ((job: RunningJob) => void)[] = [];
  const started: RunningJob[] = [];
  let running: RunningJob | undefined;
  const note = (line: string): void => {
    seen.push(line);
    for (const check of [...checks]) check();
  };
  const checks = new Set<() => void>();

  const worker = {
    ready: async () => undefined,
    run: (job: Job, emit: (event: ExecutionEvent) => void) =>
      new Promise<JobOutcome>((resolve) => {
        running = {
          job,
          emit,
          end: (outcome = {}) => {
            running = undefined;
            const { promptId } = job;
            const how = outcome.status ?? 'success';
            const type = how === 'success' ? 'execution_success' : 'execution_interrupted';
            const data = { prompt_id: promptId, timestamp: 20, node_id: '1', node_type: 'Make', executed: [] };
            emit({ type, data } as ExecutionEvent);
            const messages = [
              ['execution_start', { prompt_id: promptId, timestamp: 10 }],
              [type, data],
            ];
            resolve({ status: how, outputs: {}, meta: {}, messages: messages as never, ...outcome });
          },
        };
        emit({ type: 'execution_start', data: { prompt_id: job.promptId, timestamp: 10 } });
        const next = waiting.shift();
        if (next) next(running);
        else started.push(running);
      }),
    interrupt: () => {
      if (!options.stubborn) running?.end({ status: 'interrupted' });
      return running !== undefined;
    },
    free: (flags: object) => freed.push(flags) as unknown as undefined,
  };
  const hub = {
    emit: (clientId: string | undefined, event: ExecutionEvent) => {
      const { node } = event.data as { node?: string | null };
      const historyThere = store.historyText((event.data as { prompt_id: string }).prompt_id) !== '{}';
      note(`${clientId}: ${event.type}${node === undefined ? '' : ` ${node}`}${historyThere ? ' (history)' : ''}`);
    },
    hears: () => false,
    status: (remaining: number) => note(`status ${remaining}`),
  };
  const dispatcher = createDispatcher({
    store,
    worker,
    hub,
    startDelayMs: options.startDelayMs ?? 1,
    retryMs: 5,
    closeWithinMs: options.closeWithinMs,
  });
  const sources = {
    inputImages: () => [],
    models: () => [],
    clips: () => [],
    checkpoints: () => [],
    offersModel: () => false,
  };
  const app = mountRouters({
    options: { listen: '127.0.0.1', allowedHosts: [] },
    log: createLog({ level: 'silent' }),
    routers: [
      promptRoutes({
        registry,
        sources,
        files: {} as NodeFiles,
        store,
        dispatcher,
        maxQueueLength: options.maxQueueLength ?? 1000,
        maxBytes: 200_000,
      }),
      queueRoutes({ store, dispatcher }),
      historyRoutes({ store }),
      jobsRoutes({ store, dispatcher }),
      interruptRoutes({ dispatcher }),
    ],
    plainRouters: [],
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  dispatcher.start();

  return {
    url,
    store,
    dispatcher,
    seen,
    freed,
    note,
    dataDir,
    fetch: (path: string, init?: RequestInit) => fetch(url + path, init),
    get: async (path: string): Promise<Json> => (await fetch(url + path)).json(),
    /** POST as text/plain, as some clients do. */
    post: (path: string, body?: unknown) =>
      fetch(url + path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
    /** Queues the prompt above. */
    queue: async (more: object = {}): Promise<{ status: number; body: Json }> => {
      const response = await fetch(`${url}/prompt`, { method: 'POST', body: JSON.stringify({ prompt, ...more }) });
      return { status: response.status, body: await response.json() };
    },
    /** The next job that starts. */
    nextJob: (): Promise<RunningJob> => {
      const job = started.shift();
      return job ? Promise.resolve(job) : new Promise((resolve) => waiting.push(resolve));
    },
    /** Waits until this line was seen. */
    until: (line: string) =>
      new Promise<void>((resolve) => {
        const check = () => {
          if (!seen.includes(line)) return;
          checks.delete(check);
          resolve();
        };
        checks.add(check);
        check();
      }),
    async close({ keep = false } = {}) {
      await dispatcher.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      store.close();
      if (!keep) rmSync(dataDir, { recursive: true });
    },
  };
}

export type QueueServer = Awaited<ReturnType<typeof startQueueServer>>;
