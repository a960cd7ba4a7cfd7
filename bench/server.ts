// What the node server costs: trivial graphs, beside another server if one is given; memory of a connection; a start with a long history.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJobStore } from '../server/queue/sqlite-store.ts';
import { type ServerProcess, startServerProcess } from '../test/helpers/server-process.ts';
import { connectClient, type PromptClient, trivialGraph } from './prompt-client.ts';
import { race } from './race.ts';
import { startBuiltServer } from './server-process.ts';
import type { Row } from './table.ts';

const PIPELINED = 500;
/** Requests that one client has under way. */
const CONNECTIONS_OF_ONE = 10;
const CONNECTIONS = 900;
const HISTORY = 10_000;

/** Memory per idle connection, prompts that many requests bring at once, time of a start. One row each. */
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
      const client = await connectClient(server.url, 'bench', CONNECTIONS_OF_ONE);
      const note = `one client, ${CONNECTIONS_OF_ONE} requests at a time`;
      add(`${PIPELINED} queued at once`, (1000 * PIPELINED) / (await runMany(client)), 'prompts/s', note);
      client.close();
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

/** The built server on trivial graphs, in turns with another one if its URL is given. */
export async function measureRace(against?: string): Promise<Row[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'pez-bench-'));
  try {
    const server = await startBuiltServer(dataDir);
    try {
      const others = against === undefined ? [] : [{ name: against, url: against.replace(/\/$/, '') }];
      return await race([{ name: 'pez-nodes', url: server.url }, ...others]);
    } finally {
      await server.close();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Milliseconds from the first POST to the last end. */
async function runMany(client: PromptClient): Promise<number> {
  const started = performance.now();
  let left = PIPELINED;
  const ended = new Promise<void>((resolve) => {
    client.onMessage = ({ type, data }) => {
      if (type === 'executing' && data.node === null && --left === 0) resolve();
    };
  });
  let next = 0;
  const queueSome = async () => {
    while (next < PIPELINED) await client.post(1_000 + next++);
  };
  await Promise.all(Array.from({ length: CONNECTIONS_OF_ONE }, queueSome));
  await ended;
  return performance.now() - started;
}

async function memoryOfConnections(server: ServerProcess): Promise<{ heap: number; resident: number }> {
  const open = (count: number, name: string) =>
    Promise.all(Array.from({ length: count }, (_, i) => connectClient(server.url, `${name}${i}`)));
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
