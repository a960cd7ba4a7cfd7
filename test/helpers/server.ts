// A real server with a real worker on a free port and a data folder of its own, with the nodes of test/fixtures/test-pack.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiGraph } from '../../schemas/prompt.ts';
import { createLog } from '../../server/log.ts';
import { type RunningServer, type StartOptions, startServer } from '../../server/main.ts';
import { type Received, type TestSocket, testSocket } from './socket.ts';

export const testPack = join(import.meta.dirname, '../fixtures/test-pack');

// biome-ignore lint/suspicious/noExplicitAny: what the server answers is what is tested
export type Json = any;

/** What came of a prompt. */
export interface Ran {
  readonly promptId: string;
  /** Messages from the POST's sending on, up to `executing` null; previews as Buffer. */
  readonly messages: readonly Received[];
  readonly history: Json;
}

export interface TestServer extends RunningServer {
  readonly dataDir: string;
  /** Lines of the log, as JSON. */
  readonly log: readonly string[];
  get(path: string): Promise<Json>;
  /** Sends a body as JSON; status and the answer: parsed where it is JSON. */
  post(path: string, body?: unknown): Promise<{ status: number; body: Json }>;
  /** Opens a socket; its first `status` is taken. */
  socket(clientId: string): Promise<TestSocket>;
  /** POST /prompt; `extra`: more fields of the body. Throws where it is refused. */
  queue(prompt: ApiGraph | object, extra?: object): Promise<string>;
  /** Runs a prompt to its end, listening on a socket of its own. Throws where it is refused. */
  run(prompt: ApiGraph | object, extra?: object): Promise<Ran>;
  /** Polls the queue until the prompt runs. */
  running(promptId: string): Promise<void>;
  /** Polls the history until the prompt is there, and gives its entry. */
  ended(promptId: string): Promise<Json>;
  /** Stops the server; `keep`: its data folder stays, for another start. */
  close(options?: { keep?: boolean }): Promise<void>;
}

let clients = 0;

/** Starts it; `dataDir` to start on what an earlier one has left. */
export async function startTestServer(options: StartOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'pez-server-'));
  const log: string[] = [];
  const server = await startServer({
    port: 0,
    packDirs: [testPack],
    log: createLog({ destination: { write: (line: string) => log.push(line) } }),
    ...options,
    dataDir,
  });
  const { url } = server;

  async function post(path: string, body?: unknown) {
    const response = await fetch(url + path, {
      method: 'POST',
      body: typeof body === 'string' || body === undefined ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, body: isJson ? JSON.parse(text) : text };
  }
  const get = async (path: string): Promise<Json> => (await fetch(url + path)).json();

  async function socket(clientId: string): Promise<TestSocket> {
    const opened = testSocket(`${url.replace('http', 'ws')}/ws?clientId=${encodeURIComponent(clientId)}`);
    await opened.nextOf('status');
    return opened;
  }

  async function queue(prompt: object, extra: object = {}): Promise<string> {
    const { status, body } = await post('/prompt', { prompt, ...extra });
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
    return body.prompt_id;
  }

  async function run(prompt: object, extra: object = {}): Promise<Ran> {
    const clientId = `test-${++clients}`;
    const listening = await socket(clientId);
    try {
      const promptId = await queue(prompt, { client_id: clientId, ...extra });
      const messages: Received[] = [];
      for (;;) {
        const message = await listening.next();
        messages.push(message);
        if (Buffer.isBuffer(message) || message.type !== 'executing') continue;
        if (message.data.node === null && message.data.prompt_id === promptId) break;
      }
      return { promptId, messages, history: (await get(`/history/${promptId}`))[promptId] };
    } finally {
      await listening.close();
    }
  }

  const pause = () => new Promise((resolve) => setTimeout(resolve, 10));

  async function running(promptId: string): Promise<void> {
    const isRunning = async () => (await get('/queue')).queue_running.some(([, id]: Json) => id === promptId);
    while (!(await isRunning())) await pause();
  }

  async function ended(promptId: string): Promise<Json> {
    for (;;) {
      const entry = (await get(`/history/${promptId}`))[promptId];
      if (entry) return entry;
      await pause();
    }
  }

  return {
    url,
    port: server.port,
    get workerPid() {
      return server.workerPid;
    },
    dataDir,
    log,
    get,
    post,
    socket,
    queue,
    run,
    running,
    ended,
    async close({ keep = false } = {}) {
      await server.close();
      if (!keep) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
