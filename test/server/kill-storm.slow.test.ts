// Worker and server are killed twenty times each, faster than they start, while 30 prompts wait: each gets into the history
// once, and none fails that never began.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { type HttpClient, httpClient } from '../helpers/http.ts';
import { random } from '../helpers/random.ts';
import { type Json, testPack } from '../helpers/server.ts';
import { type ServerProcess, startServerProcess } from '../helpers/server-process.ts';
import { testSocket } from '../helpers/socket.ts';

const KILLS = 20;
const PROMPTS = 30;
const SEED = 20;

let dataDir: string;
let server: ServerProcess | undefined;
let http: HttpClient | undefined;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'kill-storm-'));
});
afterEach(async () => {
  http?.close();
  await server?.kill();
  server = undefined;
  rmSync(dataDir, { recursive: true });
});

async function start(): Promise<ServerProcess> {
  server = await startServerProcess({ dataDir, packDirs: [testPack] });
  http = httpClient(server.port);
  return server;
}

/** Every third saves a picture; the others take some steps and show a text. */
function promptOf(index: number): object {
  if (index % 3 === 0)
    return {
      1: { class_type: 'LoadImage', inputs: { image: 'dot.png' } },
      2: { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: `p${index}` } },
    };
  return {
    1: { class_type: 'TestSteps', inputs: { steps: 10, ms: 10 } },
    2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
  };
}

async function queueAll(): Promise<string[]> {
  await sharp({ create: { width: 4, height: 4, channels: 3, background: '#f00' } })
    .png()
    .toFile(join(dataDir, 'input/dot.png'));
  const ids: string[] = [];
  for (let i = 0; i < PROMPTS; i++) {
    const body = { prompt: promptOf(i), prompt_id: `p${i}`, client_id: 'storm' };
    const reply = await http!.post('/prompt', JSON.stringify(body));
    if (reply.status !== 200) throw new Error(reply.text);
    ids.push(reply.json().prompt_id);
  }
  return ids;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function untilEmpty(): Promise<void> {
  while ((await http!.get('/prompt')).json().exec_info.queue_remaining > 0) await pause(50);
}

/** Why prompts failed: id → exception_type. Each prompt is there once, in the order in which it was queued. */
async function failuresOf(ids: readonly string[]): Promise<Map<string, string>> {
  const text = (await http!.get('/history')).text;
  for (const id of ids) expect([id, text.split(`"${id}":{"prompt"`).length - 1]).toEqual([id, 1]);
  const history = JSON.parse(text) as Record<string, Json>;
  expect(Object.keys(history)).toEqual(ids);
  const failed = Object.entries(history).filter(([, { status }]) => status.status_str !== 'success');
  return new Map(failed.map(([id, { status }]) => [id, status.messages.at(-1)[1].exception_type]));
}

/** Each prompt that ended well has its picture once. */
function expectPictures(ids: readonly string[], failed: ReadonlyMap<string, string>): void {
  const saved = readdirSync(join(dataDir, 'output'));
  for (const [i, id] of ids.entries()) {
    const count = saved.filter((name) => name.startsWith(`p${i}_`)).length;
    if (i % 3 === 0 && !failed.has(id)) expect([id, count]).toEqual([id, 1]);
  }
}

test('the worker is killed 20 times, 20 to 700 ms apart', async () => {
  const { url, workerPid } = await start();
  const socket = testSocket(`${url.replace('http', 'ws')}/ws?clientId=storm`);
  const begun = new Set<string>();
  socket.ws.on('message', (data, isBinary) => {
    const message = isBinary ? undefined : JSON.parse(String(data));
    if (message?.type === 'executing') begun.add(message.data.prompt_id);
  });
  const ids = await queueAll();
  const next = random(SEED);
  for (let kills = 0; kills < KILLS; ) {
    await pause(20 + 680 * next()); // the moment is what is random
    const pid = await workerPid();
    if (pid === undefined) continue;
    process.kill(pid, 'SIGKILL');
    kills++;
  }
  await untilEmpty();
  const failed = await failuresOf(ids);
  for (const [id, type] of failed) expect([id, type, begun.has(id)]).toEqual([id, 'WorkerKilled', true]);
  expectPictures(ids, failed);
  await socket.close();
}, 300_000);

test('the server is killed 20 times, 20 to 700 ms after its start', async () => {
  await start();
  const ids = await queueAll();
  await server!.kill();
  http!.close();
  const next = random(SEED);
  for (let kills = 0; kills < KILLS; kills++) {
    let spawned: ChildProcess | undefined;
    const started = startServerProcess(
      { dataDir, packDirs: [testPack] },
      {
        onSpawn: (process) => {
          spawned = process;
        },
      },
    ).catch(() => undefined);
    await pause(20 + 680 * next()); // the moment is what is random
    spawned!.kill('SIGKILL');
    await started;
  }
  await start();
  await untilEmpty();
  const failed = await failuresOf(ids);
  for (const type of failed.values()) expect(type).toBe('ServerDied');
  expect(failed.size).toBeLessThanOrEqual(Math.floor(KILLS / 3));
}, 300_000);
