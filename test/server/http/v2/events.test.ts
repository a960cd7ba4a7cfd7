// Event streams of API v2 on a real server: order, the snapshot on connect, two listeners, previews, ends of all kinds.
// (protocol: Events of API v2)
import { writeFileSync } from 'node:fs';
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

const show = (value: unknown) => ({ 7: { class_type: 'TestShow', inputs: { value } } });
let gates = 0;
/** A workflow that runs until `open` is called, with `more` beside it. */
function gate(more: object = {}) {
  const path = join(server.dataDir, `gate-${++gates}`);
  const wait = { class_type: 'TestUntilFile', inputs: { path } };
  return {
    workflow: { 1: wait, 2: { class_type: 'TestShow', inputs: { value: ['1', 0] } }, ...more },
    open: () => writeFileSync(path, ''),
  };
}
const submitted = async (workflow: object): Promise<string> => (await api.submit(workflow)).body.id;
const listen = (id: string): Promise<Stream> => api.events(`/jobs/${id}/events`);
const ofKind = (events: readonly SseEvent[], kind: string) =>
  events.filter(({ event }) => event === kind).map(({ data }) => data);

/** Events up to and with the first that matches. */
async function upTo(stream: Stream, isIt: (event: SseEvent) => boolean): Promise<SseEvent[]> {
  const events: SseEvent[] = [];
  for (;;) {
    const event = await stream.next();
    if (!event) throw new Error(`the stream has ended after ${JSON.stringify(events)}`);
    events.push(event);
    if (isIt(event)) return events;
  }
}

test('a waiting job moves up, runs, shows what it has, and ends with its status after all outputs', async () => {
  const [first, second, third] = [gate(), gate(), gate(show('early'))];
  const ids = [await submitted(first.workflow), await submitted(second.workflow), await submitted(third.workflow)];
  await api.until(ids[0], 'running');
  const stream = await listen(ids[2]);
  expect(stream.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  expect(await stream.next()).toEqual({ event: 'status', data: { status: 'queued', queue_position: 2 } });
  first.open();
  expect(await stream.next()).toEqual({ event: 'status', data: { status: 'queued', queue_position: 1 } });
  second.open();
  expect(await stream.next()).toEqual({ event: 'status', data: { status: 'running', queue_position: null } });
  const begun = await upTo(stream, ({ event }) => event === 'output');
  expect(begun.at(-1)?.data).toMatchObject({ node_id: '7', type: 'text', size_bytes: 7, job_id: ids[2] });
  third.open();
  const rest = await stream.rest();
  expect(rest.at(-1)).toEqual({ event: 'status', data: { status: 'succeeded', queue_position: null } });
  const outputs = [...ofKind(begun, 'output'), ...ofKind(rest, 'output')];
  const { body } = await api.get(`/jobs/${ids[2]}`);
  expect(outputs.map(({ id }) => id).sort()).toEqual(body.outputs.map(({ id }: { id: string }) => id).sort());
  const progress = [...ofKind(begun, 'progress'), ...ofKind(rest, 'progress')];
  expect(progress.at(-1)).toMatchObject({ value: 1, nodes_done: 3, nodes_total: 3 });
});

test('whoever connects to a running job gets its state, progress, preview and outputs; each listener all that follows', async () => {
  const { workflow, open } = gate({ ...show('out'), 8: { class_type: 'TestPreview', inputs: { count: 1 } } });
  const id = await submitted(workflow);
  const one = await listen(id);
  await upTo(one, ({ event }) => event === 'preview');
  await upTo(one, ({ event, data }) => event === 'progress' && data.nodes_done === 2 && data.current_node === '1');
  const two = await listen(id);
  const begun = await upTo(two, ({ event, data }) => event === 'output' && data.node_id === '8');
  expect(begun[0]).toEqual({ event: 'status', data: { status: 'running', queue_position: null } });
  expect(ofKind(begun, 'progress')[0]).toMatchObject({
    nodes_done: 2,
    nodes_total: 4,
    current_node: '1',
    current_node_class: 'TestUntilFile',
  });
  const [preview] = ofKind(begun, 'preview');
  expect([preview.node_id, preview.content_type]).toEqual(['8', 'image/jpeg']);
  expect(Buffer.from(preview.data_base64, 'base64').subarray(0, 2).toString('hex')).toBe('ffd8');
  expect(
    ofKind(begun, 'output')
      .map(({ node_id }) => node_id)
      .sort(),
  ).toEqual(['7', '8']);
  open();
  for (const stream of [one, two]) {
    const rest = await stream.rest();
    expect(ofKind(rest, 'output').map(({ node_id }) => node_id)).toContain('2');
    expect(rest.at(-1)?.data.status).toBe('succeeded');
  }
});

test('an ended job: its outputs, its status, the end', async () => {
  const id = await submitted(show('done'));
  await api.ended(id);
  const events = await (await listen(id)).rest();
  expect(events.map(({ event }) => event)).toEqual(['output', 'progress', 'status']);
  const failing = {
    1: { class_type: 'TestFail', inputs: {} },
    2: { class_type: 'TestSink', inputs: { value: ['1', 0] } },
  };
  const failed = await submitted(failing);
  expect((await (await listen(failed)).rest()).at(-1)?.data.status).toBe('failed');
});

test('progress comes twice a second at most, however fast a node is', async () => {
  const id = await submitted({
    1: { class_type: 'TestSteps', inputs: { steps: 300, ms: 4 } },
    2: { class_type: 'TestSink', inputs: { value: ['1', 0] } },
  });
  const started = performance.now();
  const events = await (await listen(id)).rest();
  const halfSeconds = Math.ceil((performance.now() - started) / 500);
  const progress = ofKind(events, 'progress');
  expect(progress.length).toBeGreaterThanOrEqual(2);
  expect(progress.length).toBeLessThanOrEqual(halfSeconds + 2); // the first, and the end
  const values = progress.map(({ value }) => value);
  expect(values).toEqual([...values].sort((a, b) => a - b));
  const stepping = progress.find(({ steps }) => steps === 300);
  expect(stepping).toMatchObject({
    current_node: '1',
    current_node_class: 'TestSteps',
    message: expect.stringMatching(/^TestSteps \d+\/300$/),
  });
});

test('a cancellation is told to those who wait and to those who run; a job that is taken away is canceled', async () => {
  const { workflow } = gate();
  const running = await submitted(workflow);
  const [waiting, removed] = [await submitted(show(1)), await submitted(show(2))];
  await api.until(running, 'running');
  const streams = [await listen(running), await listen(waiting), await listen(removed)];
  for (const stream of streams) expect((await stream.next())?.event).toBe('status');
  await api.post(`/jobs/${waiting}/cancel`, '');
  await server.post('/queue', { delete: [removed] });
  await api.post(`/jobs/${running}/cancel`, '');
  for (const stream of streams)
    expect((await stream.rest()).at(-1)?.data).toEqual({ status: 'canceled', queue_position: null });
});

test('HEAD says that there is a stream, and ends', async () => {
  const id = await submitted(show(1));
  const response = await fetch(`${server.url}/api/v2/jobs/${id}/events`, { method: 'HEAD' });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
});
