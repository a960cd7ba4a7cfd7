// What the node server costs: graphs per second, time to the first event, memory of a connection, a start with a long history.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import type { ApiGraph } from '../schemas/prompt.ts';
import { openJobStore } from '../server/queue/sqlite-store.ts';
import { type ServerProcess, startServerProcess } from '../test/helpers/server-process.ts';
import { median } from './clock.ts';
import type { Row } from './table.ts';

const SEQUENTIAL = 50;
const PIPELINED = 500;
const CONNECTIONS = 900;
const HISTORY = 10_000;

/** Two nodes, no model; each number gives a graph that no cache knows. */
const trivialGraph = (number: number): ApiGraph => ({
  1: { class_type: 'PrimitiveString', inputs: { value: `text ${number}` } },
  2: { class_type: 'PreviewAny', inputs: { source: ['1', 0] } },
});

/** Graphs per second and latencies over real sockets; memory per idle connection; time of a start. One row each. */
export async function measureServer(): Promise<Row[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'pez-bench-'));
  const rows: Row[] = [];
  const add = (what: string, value: number, unit: string, note: string) =>
    rows.push({ what, value: value.toFixed(value < 10 ? 1 : 0), unit, note });
  try {
    const server = await startServerProcess({ dataDir });
    try {
      // First, so that no freed memory of the graphs is there to be used again.
      const { heap, resident } = await memoryOfConnections(server);
      add('memory of an idle connection: heap', heap / 1024, 'KiB', `mean of ${CONNECTIONS}`);
      add('memory of an idle connection: resident', resident / 1024, 'KiB', `mean of ${CONNECTIONS}`);
      const client = await connect(server, 'bench');
      await runOne(client, 0); // the worker has started
      const times = await inTurn(SEQUENTIAL, (i) => runOne(client, i + 1));
      const total = times.reduce((sum, { totalMs }) => sum + totalMs, 0);
      const latency = median(times.map(({ firstEventMs }) => firstEventMs));
      add(
        'one after the other',
        (1000 * SEQUENTIAL) / total,
        'graphs/s',
        'each waits 30 ms on purpose before it starts',
      );
      add('answer to POST /prompt', median(times.map(({ answerMs }) => answerMs)), 'ms', 'median');
      add('POST /prompt to the first event', latency, 'ms', 'median; 30 ms of it on purpose');
      add(
        `${PIPELINED} queued at once`,
        (1000 * PIPELINED) / (await runMany(client)),
        'graphs/s',
        'one client, 10 requests at a time',
      );
      client.socket.close();
    } finally {
      await server.close();
    }
    await fillHistory(dataDir);
    const again = await startServerProcess({ dataDir });
    add(
      `start with ${HISTORY} entries in the history`,
      again.startMs,
      'ms',
      'until it listens; the process and imports not counted',
    );
    await again.close();
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
  return rows;
}

interface Client {
  readonly server: ServerProcess;
  readonly id: string;
  readonly socket: WebSocket;
  /** Called with each text message. */
  onMessage: (message: { type: string; data: { prompt_id?: string; node?: string | null } }) => void;
}

async function connect(server: ServerProcess, id: string): Promise<Client> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws?clientId=${id}`);
  const client: Client = { server, id, socket, onMessage: () => undefined };
  socket.on('message', (data, isBinary) => isBinary || client.onMessage(JSON.parse(data.toString())));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return client;
}

async function post({ server, id }: Client, number: number): Promise<string> {
  const body = JSON.stringify({ prompt: trivialGraph(number), client_id: id });
  const answer = await fetch(`${server.url}/prompt`, { method: 'POST', body });
  if (!answer.ok) throw new Error(await answer.text());
  return ((await answer.json()) as { prompt_id: string }).prompt_id;
}

/** One graph from POST to `executing null`. */
async function runOne(client: Client, number: number) {
  const started = performance.now();
  let firstEvent = 0;
  const ended = new Promise<void>((resolve) => {
    client.onMessage = ({ type, data }) => {
      if (type === 'execution_start') firstEvent = performance.now();
      if (type === 'executing' && data.node === null) resolve();
    };
  });
  await post(client, number);
  const answered = performance.now();
  await ended;
  return { answerMs: answered - started, firstEventMs: firstEvent - started, totalMs: performance.now() - started };
}

/** Milliseconds from the first POST to the last end. */
async function runMany(client: Client): Promise<number> {
  const started = performance.now();
  let left = PIPELINED;
  const ended = new Promise<void>((resolve) => {
    client.onMessage = ({ type, data }) => {
      if (type === 'executing' && data.node === null && --left === 0) resolve();
    };
  });
  let next = 0;
  const queueSome = async () => {
    while (next < PIPELINED) await post(client, 1_000 + next++);
  };
  await Promise.all(Array.from({ length: 10 }, queueSome));
  await ended;
  return performance.now() - started;
}

async function memoryOfConnections(server: ServerProcess): Promise<{ heap: number; resident: number }> {
  const open = (count: number, name: string) =>
    Promise.all(Array.from({ length: count }, (_, i) => connect(server, `${name}${i}`)));
  const early = await open(50, 'early'); // what the first ones make for all
  const before = await server.memory();
  const clients = await open(CONNECTIONS, 'idle');
  const after = await server.memory();
  const gone = [...early, ...clients].map(({ socket }) => new Promise((resolve) => socket.once('close', resolve)));
  for (const { socket } of [...early, ...clients]) socket.close();
  await Promise.all(gone);
  const used = ({ heapUsed, external }: typeof before) => heapUsed + external;
  return { heap: (used(after) - used(before)) / CONNECTIONS, resident: (after.rss - before.rss) / CONNECTIONS };
}

/** Puts finished jobs into a store that no server has open. */
async function fillHistory(dataDir: string): Promise<void> {
  const store = openJobStore({ file: join(dataDir, 'queue.sqlite') });
  try {
    for (let i = 0; i < HISTORY; i++) {
      const promptId = `history-${i}`;
      const createTime = Date.now();
      const prompt = trivialGraph(i);
      store.put({ promptId, prompt, outputsToExecute: ['2'], extraData: {}, number: store.nextNumber(), createTime });
      store.take(promptId);
      store.finish(promptId, {
        status: 'success',
        outputs: { 2: { text: [`text ${i}`] } },
        meta: { 2: { node_id: '2', display_node: '2', parent_node: null, real_node_id: '2' } },
        messages: [
          ['execution_start', { prompt_id: promptId, timestamp: createTime }],
          ['execution_success', { prompt_id: promptId, timestamp: createTime + 5 }],
        ],
      });
    }
  } finally {
    store.close();
  }
}

async function inTurn<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let i = 0; i < count; i++) results.push(await work(i));
  return results;
}
