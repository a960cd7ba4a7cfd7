// A request with an Idempotency-Key is done once: replays, reuse, conflicts, restarts, a death between key and job, the sweep.
// (protocol: Idempotency keys)
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJobDatabase } from '../../../../server/queue/database.ts';
import { openStores } from '../../../../server/queue/sqlite-store.ts';
import { httpClient } from '../../../helpers/http.ts';
import { startTestServer, type TestServer } from '../../../helpers/server.ts';
import { apiV2 } from './client.ts';

let dataDir: string;
let server: TestServer;
let api: ReturnType<typeof apiV2>;
async function start(): Promise<void> {
  server = await startTestServer({ dataDir });
  api = apiV2(server.url);
}
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'keys-'));
  await start();
});
afterAll(async () => {
  await server.close();
  rmSync(dataDir, { recursive: true, force: true });
});
beforeEach(async () => {
  await server.post('/history', { clear: true });
});

const show = (value: unknown) => ({ 1: { class_type: 'TestShow', inputs: { value } } });
const jobCount = async (): Promise<number> => (await server.get('/api/jobs')).pagination.total;

test('the same request gets the same answer and starts nothing, also when the job has ended or was deleted', async () => {
  const first = await api.submit(show(1), 'k1');
  expect(first.headers.get('idempotency-replayed')).toBeNull();
  await api.ended(first.body.id);
  for (let i = 0; i < 2; i++) {
    const again = await api.submit(show(1), 'k1');
    expect([again.status, again.headers.get('idempotency-replayed'), again.body]).toEqual([201, 'true', first.body]);
    if (i === 0) await server.post('/history', { clear: true });
  }
  expect(await jobCount()).toBe(0);
});

test('spaces and extra_data make no other request; another workflow or label does', async () => {
  const { body } = await api.submit(show(1), 'k2');
  const spaced = JSON.stringify({ extra_data: { api_key_comfy_org: 'x' }, workflow: show(1) }, null, 2);
  expect((await api.post('/jobs', spaced, { 'idempotency-key': 'k2' })).body.id).toBe(body.id);
  for (const other of [{ workflow: show(2) }, { workflow: show(1), metadata: { a: 'b' } }]) {
    const { status, body } = await api.post('/jobs', other, { 'idempotency-key': 'k2' });
    expect([status, body.error.code]).toEqual([422, 'idempotency_key_reuse']);
  }
  expect((await api.submit(show(1), 'other 2')).body.id).not.toBe(body.id);
});

test('a refused request does not use its key; keys that are none are refused', async () => {
  expect((await api.submit({ 1: { class_type: 'Nope', inputs: {} } }, 'k3')).status).toBe(422);
  expect((await api.submit(show(1), 'k3')).status).toBe(201);
  for (const key of ['', 'x'.repeat(256)]) {
    const http = httpClient(server.port);
    const { status, text } = await http.post('/api/v2/jobs', JSON.stringify({ workflow: show(1) }), {
      'idempotency-key': key,
    });
    expect([status, JSON.parse(text).error.code]).toEqual([400, 'invalid_request']);
    http.close();
  }
});

test('of many requests with one key at once, one makes the job; the others are told to come back', async () => {
  const answers = await Promise.all(Array.from({ length: 12 }, () => api.submit(show('at once'), 'k4')));
  const made = answers.filter(({ status }) => status === 201);
  expect(new Set(made.map(({ body }) => body.id)).size).toBe(1);
  for (const { status, body, headers } of answers.filter(({ status }) => status !== 201))
    expect([status, body.error.code, headers.get('retry-after')]).toEqual([409, 'idempotency_conflict', '1']);
  expect(await jobCount()).toBe(1);
});

test('a replay after a restart', async () => {
  const { body } = await api.submit(show(1), 'k5');
  await api.ended(body.id);
  await server.close({ keep: true });
  await start();
  const again = await api.submit(show(1), 'k5');
  expect([again.headers.get('idempotency-replayed'), again.body]).toEqual(['true', body]);
  expect((await api.submit(show(2), 'k5')).status).toBe(422);
  expect(await jobCount()).toBe(1);
});

test('a key whose job the server did not come to store makes that very job when it is used again', async () => {
  const { body } = await api.submit(show(1), 'k6');
  await api.ended(body.id);
  await server.close({ keep: true });
  // As a death between the two writes leaves it.
  const db = openJobDatabase(join(dataDir, 'queue.sqlite'));
  db.run("UPDATE idempotency_keys SET settled = 0 WHERE key = 'k6'");
  db.run('DELETE FROM jobs');
  db.close();
  await start();
  expect((await api.submit(show(2), 'k6')).status).toBe(422);
  const again = await api.submit(show(1), 'k6');
  expect([again.status, again.headers.get('idempotency-replayed'), again.body.id]).toEqual([201, null, body.id]);
  expect((await api.ended(body.id)).status).toBe('succeeded');
  expect((await api.submit(show(1), 'k6')).headers.get('idempotency-replayed')).toBe('true');
});

test('1,000 keys are gone a day later, and not before', async () => {
  await server.close({ keep: true });
  const file = join(dataDir, 'queue.sqlite');
  const { jobs, keys } = openStores({ file });
  const hour = 60 * 60 * 1000;
  const now = Date.now();
  const record = (key: string, createTime: number) =>
    keys.record({ scope: 'jobs', key }, { fingerprint: 'f', subject: 's', answer: '{}', createTime });
  for (let i = 0; i < 1000; i++) record(`old ${i}`, now - 25 * hour);
  record('young', now - 23 * hour);
  expect(keys.find({ scope: 'jobs', key: 'old 1' }, now - 24 * hour)).toBeUndefined();
  jobs.close();
  await start();
  expect((await api.submit(show(1), 'old 1')).status).toBe(201);
  expect((await api.submit(show(1), 'young')).status).toBe(422);
  await server.close({ keep: true });
  const db = openJobDatabase(file);
  expect(db.get("SELECT count(*) AS n FROM idempotency_keys WHERE key LIKE 'old %' OR key = 'young'")).toMatchObject({
    n: 2,
  });
  db.close();
  await start();
});

test('what a damaged database still has of keys and assets goes into the new one', async () => {
  const { body: asset } = await api.upload(Buffer.from('bytes'), { file_path: 'a.bin', content_type: 'a/b' });
  const { body: job } = await api.submit(show(1), 'k8');
  await api.ended(job.id);
  await server.close({ keep: true });
  const file = join(dataDir, 'queue.sqlite');
  const db = openJobDatabase(file);
  db.run("UPDATE jobs SET prompt = CAST(x'ff' AS TEXT)");
  db.close();
  writeFileSync(`${file}-damaged`, '');
  await start();
  expect(server.log.join('')).toContain('was damaged');
  expect((await api.get(`/assets/${asset.id}`)).body.hash).toBe(asset.hash);
  expect((await api.submit(show(1), 'k8')).body).toEqual(job);
});
