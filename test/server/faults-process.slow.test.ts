// A server in a process of its own that is killed -9, or that may not write more: what was accepted is not lost.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { type HttpClient, httpClient } from '../helpers/http.ts';
import { random } from '../helpers/random.ts';
import { type Json, testPack } from '../helpers/server.ts';
import { type ServerProcess, startServerProcess } from '../helpers/server-process.ts';

let dataDir: string;
let server: ServerProcess | undefined;
let http: HttpClient;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'faults-'));
});
afterEach(async () => {
  http.close();
  await server?.kill();
  server = undefined;
  rmSync(dataDir, { recursive: true });
});

async function start(shell?: string): Promise<ServerProcess> {
  server = await startServerProcess({ dataDir, packDirs: [testPack] }, { shell });
  http = httpClient(server.port);
  return server;
}

async function queue(prompt: object): Promise<string> {
  const reply = await http.post('/prompt', JSON.stringify({ prompt }));
  if (reply.status !== 200) throw new Error(reply.text);
  return reply.json().prompt_id;
}

async function poll<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
const ended = (id: string): Promise<Json> => poll(async () => (await http.get(`/history/${id}`)).json()[id]);
const statusOf = async (id: string) => (await ended(id)).status.status_str;

const show = (text: string) => ({
  1: { class_type: 'TestText', inputs: { text } },
  2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
});

/** Runs until the file is there. */
const waitFor = (path: string) => ({
  1: { class_type: 'TestUntilFile', inputs: { path } },
  2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
});

/** Gone, or a zombie that nobody has collected. */
function isGone(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  if (process.platform === 'linux') return !existsSync(stat) || /\) [ZX] /.test(readFileSync(stat, 'utf8'));
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

test('after kill -9 of the server, what was finished is in the history, what ran and what waited runs', async () => {
  const gate = join(dataDir, 'gate');
  const first = await start();
  const finished = await queue(show('finished'));
  const entry = await ended(finished);
  const running = await queue(waitFor(gate));
  const waiting = [await queue(show('a')), await queue(show('b'))];
  await poll(async () => (await http.get('/queue')).json().queue_running[0]);
  const before = (await http.get('/queue')).json();
  const worker = await first.workerPid();
  await first.kill();
  http.close();
  await poll(() => isGone(worker as number) || undefined);

  await start();
  expect(await ended(finished)).toEqual(entry);
  const after = await poll(async () => {
    const state = (await http.get('/queue')).json();
    return state.queue_running.length > 0 ? state : undefined;
  });
  expect(after).toEqual(before); // with their numbers, extra data and outputs to execute
  writeFileSync(gate, '');
  for (const id of [running, ...waiting]) expect(await statusOf(id)).toBe('success');
  const history = (await http.get('/history')).json();
  expect(Object.keys(history)).toEqual([finished, running, ...waiting]);
  const numbers = Object.values(history as Record<string, Json>).map(({ prompt }) => prompt[0]);
  const next = await queue(show('next'));
  await ended(next);
  expect((await ended(next)).prompt[0]).toBe(Math.max(...numbers) + 1);
});

test('kill -9 of the server at a random moment while clients queue: every answer 200 is kept', async () => {
  const accepted: string[] = [];
  const { kill } = await start();
  let alive = true;
  const client = async (name: string) => {
    for (let i = 0; alive; i++) {
      const id = await queue(show(`${name} ${i}`)).catch(() => undefined);
      if (id) accepted.push(id);
    }
  };
  const clients = Promise.all(['a', 'b', 'c'].map(client));
  await poll(() => accepted.length >= 40 || undefined);
  await new Promise((resolve) => setTimeout(resolve, random(9)() * 100)); // the moment is what is random
  await kill();
  alive = false;
  await clients;
  http.close();
  await start();
  for (const id of accepted) expect([id, await statusOf(id)]).toEqual([id, 'success']);
  expect((await http.get('/queue')).json()).toEqual({ queue_running: [], queue_pending: [] });
});

const onUnix = process.platform === 'win32' ? test.skip : test;

/** Of 512 bytes in POSIX shells, of 1,024 in some. */
const LIMIT_BLOCKS = 1_000;

onUnix(
  'where no file may grow, saving, uploading and queueing say so; nothing accepted is lost, and with room again it goes on',
  async () => {
    const { pid } = await start(`ulimit -S -f ${LIMIT_BLOCKS}`); // the soft limit, so that it can be lifted
    const noise = Buffer.from(Array.from({ length: 300 * 300 * 3 }, random(1)).map((value) => value * 256));
    const raw = { width: 300, height: 300, channels: 3 } as const;
    await sharp(noise, { raw }).png().toFile(join(dataDir, 'input/noise.png'));
    const save = (side: number) => ({
      1: { class_type: 'LoadImage', inputs: { image: 'noise.png' } },
      2: {
        class_type: 'ImageScale',
        inputs: { image: ['1', 0], upscale_method: 'bicubic', width: side, height: side, crop: 'disabled' },
      },
      3: { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'picture' } },
    });
    const failed = await queue(save(800));
    const fine = await queue(save(20));
    const [type, data] = (await ended(failed)).status.messages.at(-1);
    expect(type).toBe('execution_error');
    expect(data).toMatchObject({ node_id: '3', node_type: 'SaveImage' });
    expect(data.exception_message).toMatch(/output.picture_00001_\.png can't be written \(EFBIG\): .*--data-dir/);
    expect(await statusOf(fine)).toBe('success');
    expect(readdirSync(join(dataDir, 'output'))).toEqual(['picture_00001_.png']); // the small one; no half of the large one

    const head = '--b\r\nContent-Disposition: form-data; name="image"; filename="big.bin"\r\n\r\n';
    const body = Buffer.concat([
      Buffer.from(head),
      Buffer.alloc(LIMIT_BLOCKS * 1024 + 1),
      Buffer.from('\r\n--b--\r\n'),
    ]);
    const upload = await http.post('/upload/image', body, { 'content-type': 'multipart/form-data; boundary=b' });
    expect(upload.status).toBe(507);
    expect(upload.json().error).toMatchObject({ type: 'FILE_UNWRITABLE', message: expect.stringMatching(/EFBIG/) });
    expect((await http.post('/userdata/big.json', body)).status).toBe(507);
    expect((await http.get('/userdata/big.json')).status).toBe(404);
    expect(readdirSync(join(dataDir, 'input'))).not.toContain('big.bin');
    expect(readdirSync(join(dataDir, 'temp'))).toEqual([]);

    const gate = join(dataDir, 'gate');
    const accepted = [await queue(waitFor(gate))];
    let refusal: Json;
    while (!refusal) {
      const reply = await http.post('/prompt', JSON.stringify({ prompt: show('x'.repeat(50_000)) }));
      if (reply.status === 200) accepted.push(reply.json().prompt_id);
      else refusal = { status: reply.status, error: reply.json().error };
    }
    expect(refusal).toMatchObject({
      status: 503,
      error: { type: 'queue_unavailable', details: expect.stringMatching(/queue\.sqlite/) },
    });
    expect((await http.get('/prompt')).json().exec_info.queue_remaining).toBe(accepted.length);
    writeFileSync(gate, ''); // the running one ends, and that can't be stored: the queue waits
    await poll(() => server?.stderr().includes('The queue waits') || undefined);
    if (process.platform === 'linux') execFileSync('prlimit', ['--pid', String(pid), '--fsize=unlimited']);
    else await restart();
    for (const id of accepted) expect([id, await statusOf(id)]).toEqual([id, 'success']);
    expect(await statusOf(await queue(show('next')))).toBe('success');
  },
);

/** Where a running process's limit can't be lifted: the server dies, and another without limit goes on. */
async function restart(): Promise<void> {
  await server?.kill();
  http.close();
  await start();
}
