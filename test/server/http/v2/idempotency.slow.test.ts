// Idempotency keys over restarts: replays, a death between key and job, the sweep, a damaged database.
// (protocol: Idempotency keys)
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJobDatabase } from '../../../../server/queue/database.ts';
import { openStores } from '../../../../server/queue/sqlite-store.ts';
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
