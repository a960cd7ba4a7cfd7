// Event streams of API v2: slow readers, many listeners, a worker that dies, a server that stops. (protocol: Events of API v2)
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTestServer, type TestServer } from '../../../helpers/server.ts';
import { apiV2, type SseEvent, type Stream } from './client.ts';

let server: TestServer;
let api: ReturnType<typeof apiV2>;
beforeAll(async () => {
  server = await startTestServer();
  api = apiV2(server.url);
});
afterAll(() => server.close());

let gates = 0;
/** A workflow that runs until `open` is called. */
function gate() {
  const path = join(server.dataDir, `gate-${++gates}`);
  const wait = { class_type: 'TestUntilFile', inputs: { path } };
  return {
    workflow: { 1: wait, 2: { class_type: 'TestShow', inputs: { value: ['1', 0] } } },
    open: () => writeFileSync(path, ''),
  };
}
const submitted = async (workflow: object): Promise<string> => (await api.submit(workflow)).body.id;
const listen = (id: string): Promise<Stream> => api.events(`/jobs/${id}/events`);
const ofKind = (events: readonly SseEvent[], kind: string) =>
  events.filter(({ event }) => event === kind).map(({ data }) => data);

test('a job that runs again with another worker goes on being told', async () => {
  const { workflow, open } = gate();
  const id = await submitted(workflow);
  const stream = await listen(id);
  while ((await stream.next())?.event !== 'progress');
  process.kill(server.workerPid as number, 'SIGKILL');
  await api.until(id, 'running');
  open();
  const rest = await stream.rest();
  expect(rest.at(-1)?.data.status).toBe('succeeded');
  expect(ofKind(rest, 'output').map(({ node_id }) => node_id)).toContain('2');
});

test('a reader who does not read holds up nobody, misses previews, and is told how it ended', async () => {
  const count = 40;
  const big = { 1: { class_type: 'TestPreview', inputs: { count, ms: 60, bytes: 2_000_000 } } };
  const id = await submitted(big);
  const [slow, quick] = [await listen(id), await listen(id)];
  slow.pause();
  const events = await quick.rest();
  expect(events.at(-1)?.data.status).toBe('succeeded');
  slow.resume();
  const late = await slow.rest();
  expect(late.at(-1)?.data.status).toBe('succeeded');
  expect(ofKind(late, 'preview').length).toBeLessThanOrEqual(ofKind(events, 'preview').length);
  expect(ofKind(late, 'output')).toHaveLength(1);
});

test('streams that listeners leave are forgotten, and there are only so many at once', async () => {
  const { workflow, open } = gate();
  const id = await submitted(workflow);
  const streams = await Promise.all(Array.from({ length: 200 }, () => listen(id)));
  expect(new Set(streams.map(({ status }) => status))).toEqual(new Set([200]));
  const { status, headers, body } = await api.get(`/jobs/${id}/events`);
  expect([status, headers.get('retry-after'), body.error.code]).toEqual([429, '5', 'too_many_streams']);
  for (const stream of streams.slice(1)) stream.close();
  for (;;) {
    const another = await listen(id);
    another.close();
    if (another.status === 200) break;
  }
  open();
  expect((await streams[0].rest()).at(-1)?.data.status).toBe('succeeded');
});

test('the server can be stopped with listeners', async () => {
  const other = await startTestServer();
  const path = join(other.dataDir, 'gate');
  const wait = {
    1: { class_type: 'TestUntilFile', inputs: { path } },
    2: { class_type: 'TestSink', inputs: { value: ['1', 0] } },
  };
  const client = apiV2(other.url);
  const { body } = await client.submit(wait);
  const stream = await client.events(`/jobs/${body.id}/events`);
  while ((await stream.next())?.data.status !== 'running');
  await other.close({ keep: true });
  expect((await stream.rest()).every(({ data }) => data.status !== 'succeeded')).toBe(true);
  const again = await startTestServer({ dataDir: other.dataDir });
  writeFileSync(path, '');
  expect((await (await apiV2(again.url).events(`/jobs/${body.id}/events`)).rest()).at(-1)?.data.status).toBe(
    'succeeded',
  );
  await again.close();
  rmSync(other.dataDir, { recursive: true, force: true });
});
