// Requests with keys while the server is killed again and again: each key stands for one job, which runs and is there at the end.
// (protocol: Idempotency keys; Assets)
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blake3 } from 'hash-wasm';
import { random } from '../../../helpers/random.ts';
import { testPack } from '../../../helpers/server.ts';
import { type ServerProcess, startServerProcess } from '../../../helpers/server-process.ts';
import { apiV2 } from './client.ts';

const ROUNDS = 6;
const REQUESTS = 40;

test('kill -9 between any two steps: every retry gets its one job and its one asset', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'kill-v2-'));
  const options = { dataDir, packDirs: [testPack] };
  const next = random(7);
  const work = (n: number) => ({ 1: { class_type: 'TestShow', inputs: { value: `work ${n}` } } });
  const bytes = (n: number) => Buffer.from(`content ${n} `.repeat(2_000));
  /** Key → ids that answers gave for it. */
  const ids = new Map<string, Set<string>>();
  const note = (key: string, id: string) => ids.set(key, (ids.get(key) ?? new Set()).add(id));
  /** Sends everything; what gets no answer is sent again in a later round. */
  const sendAll = async (server: ServerProcess) => {
    const api = apiV2(server.url);
    const one = async (n: number) => {
      const job = await api.submit(work(n), `job ${n}`);
      if (job.status === 201) note(`job ${n}`, job.body.id);
      const asset = await api.upload(bytes(n), { file_path: `${n}.bin`, content_type: 'a/b' }, `asset ${n}`);
      if (asset.status < 300) note(`asset ${n}`, asset.body.id);
    };
    await Promise.all(Array.from({ length: REQUESTS }, (_, n) => one(n).catch(() => void unanswered++)));
  };

  let unanswered = 0;
  let server = await startServerProcess(options);
  for (let round = 0; round < ROUNDS; round++) {
    const sending = sendAll(server);
    await new Promise((resolve) => setTimeout(resolve, 20 + 150 * next()));
    await server.kill();
    await sending;
    server = await startServerProcess(options);
  }
  expect(unanswered).toBeGreaterThan(0);
  expect(unanswered).toBeLessThan(ROUNDS * REQUESTS);
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
  expect(readdirSync(join(dataDir, 'input/.assets'))).toHaveLength(REQUESTS);
  expect(await server.close()).toBe(0);
  rmSync(dataDir, { recursive: true });
});
