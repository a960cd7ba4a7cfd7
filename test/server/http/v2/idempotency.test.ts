// A request with an Idempotency-Key is done once: replays, reuse, conflicts.
// (protocol: Idempotency keys)
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
