// Requests with keys while the server is killed again and again: each key stands for one job, which runs and is there at the end.
// (protocol: Idempotency keys; Assets)
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blake3 } from 'hash-wasm';
import { random } from '../../../helpers/random.ts';
import { testPack } from '../../../helpers/server.ts';
import { type ServerProcess, startServerProcess } from '../../../helpers/server-process.ts';
import { type Answer, apiV2 } from './client.ts';

let options: { readonly dataDir: string; readonly packDirs: readonly string[] };
let server: ServerProcess;
beforeAll(async () => {
  options = { dataDir: mkdtempSync(join(tmpdir(), 'kill-v2-')), packDirs: [testPack] };
  server = await startServerProcess(options);
});
afterAll(async () => {
  await server.kill();
  rmSync(options.dataDir, { recursive: true });
});

const ROUNDS = 4;
const REQUESTS = 24;

test('kill -9 between any two steps: every retry gets its one job and its one asset', async () => {
  const next = random(7);
  const work = (n: number) => ({ 1: { class_type: 'TestShow', inputs: { value: `work ${n}` } } });
  const bytes = (n: number) => Buffer.from(`content ${n} `.repeat(2_000));
  /** Key → ids that answers gave for it. */
  const ids = new Map<string, Set<string>>();
  let answers = 0;
  let unanswered = 0;
  let onAnswer = () => {};
  const note = (key: string, { status, body }: Answer) => {
    if (status < 300) ids.set(key, (ids.get(key) ?? new Set()).add(body.id));
    answers++;
    onAnswer();
  };
  /** Sends everything; what gets no answer is sent again in a later round. */
  const sendAll = async (server: ServerProcess) => {
    const api = apiV2(server.url);
    const one = async (n: number) => {
      note(`job ${n}`, await api.submit(work(n), `job ${n}`));
      note(`asset ${n}`, await api.upload(bytes(n), { file_path: `${n}.bin`, content_type: 'a/b' }, `asset ${n}`));
    };
    await Promise.all(Array.from({ length: REQUESTS }, (_, n) => one(n).catch(() => void unanswered++)));
  };
  const answered = (count: number) =>
    new Promise<void>((resolve) => {
      onAnswer = () => void (answers >= count && resolve());
    });

  for (let round = 0; round < ROUNDS; round++) {
    const enough = answered(answers + 1 + Math.floor(REQUESTS * next()));
    const sending = sendAll(server);
    await enough;
    await server.kill();
    await sending;
    server = await startServerProcess(options);
  }
  expect(unanswered).toBeGreaterThan(0);
  await sendAll(server);
  const api = apiV2(server.url);
  expect(ids.size).toBe(2 * REQUESTS);
  for (const [key, of] of ids) expect([key, of.size]).toEqual([key, 1]);
  const { body } = await api.get('/jobs?limit=100');
  expect(body.jobs).toHaveLength(REQUESTS);
  for (let n = 0; n < REQUESTS; n++) {
    const [id] = ids.get(`job ${n}`)!;
    const job = await api.ended(id);
    expect([job.status, await (await fetch(job.outputs[0].url)).text()]).toEqual(['succeeded', `"work ${n}"`]);
    const [asset] = ids.get(`asset ${n}`)!;
    expect((await api.get(`/assets/${asset}`)).body.hash).toBe(`blake3:${await blake3(bytes(n))}`);
    expect((await api.get(`/assets/${asset}/content`)).body).toBe(bytes(n).toString());
  }
  expect(readdirSync(join(options.dataDir, 'input/.assets'))).toHaveLength(REQUESTS);
}, 180_000);
