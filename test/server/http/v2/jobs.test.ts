// Jobs of API v2 on a real server: submit, look at, list, cancel, and what is refused.
// (protocol: Comfy API v2; Jobs of API v2; Errors of API v2; Outputs of API v2)
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTestServer, type TestServer } from '../../../helpers/server.ts';
import { apiV2 } from './client.ts';

let server: TestServer;
let api: ReturnType<typeof apiV2>;
beforeAll(async () => {
  server = await startTestServer({ maxQueueLength: 3, maxPromptBytes: 100_000 });
  api = apiV2(server.url);
});
afterAll(() => server.close());

const show = (value: unknown) => ({ 7: { class_type: 'TestShow', inputs: { value } } });
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
const submitted = async (workflow: object): Promise<string> => {
  const { status, body } = await api.submit(workflow);
  expect([status, body.id]).toEqual([201, expect.stringMatching(/^job_[0-9a-f]{32}$/)]);
  return body.id;
};

test('a job from its acceptance to its result, by its links', async () => {
  const { status, body, headers } = await api.submit(show('a prompt'));
  expect([status, headers.get('content-type')]).toEqual([201, 'application/json; charset=utf-8']);
  expect(body).toMatchObject({
    ...{ status: 'queued', queue_position: 1, started_at: null, completed_at: null, progress: null, outputs: [] },
    ...{ error: null, metrics: { queue_ms: null, execution_ms: null } },
    urls: { self: `/api/v2/jobs/${body.id}`, events: `/api/v2/jobs/${body.id}/events` },
  });
  const job = await api.ended(body.id);
  expect(job).toMatchObject({ status: 'succeeded', queue_position: null, created_at: body.created_at, error: null });
  expect(job.progress).toMatchObject({ value: 1, nodes_done: 1, nodes_total: 1, current_node: null });
  expect(Date.parse(job.started_at)).toBeGreaterThanOrEqual(Date.parse(job.created_at));
  expect(Date.parse(job.completed_at)).toBeGreaterThanOrEqual(Date.parse(job.started_at));
  expect(job.metrics.execution_ms).toBe(Date.parse(job.completed_at) - Date.parse(job.started_at));
  const [output, ...others] = job.outputs;
  expect(others).toEqual([]);
  expect(output).toMatchObject({ node_id: '7', name: '7_text_1.txt', type: 'text', size_bytes: 10, job_id: job.id });
  expect(await (await fetch(output.url)).text()).toBe('"a prompt"');
  expect((await fetch(server.url + job.urls.self)).status).toBe(200);
  expect((await api.get(`/jobs/${job.id}/workflow`)).body).toEqual({ workflow: show('a prompt'), format: 'api' });
});

test('pictures are outputs in all forms: saved, previewed, and as a file among others', async () => {
  const picture = (class_type: string, more = {}) => ({ class_type, inputs: { images: ['1', 0], ...more } });
  const id = await submitted({
    1: { class_type: 'LoadImage', inputs: { image: 'tiger.png' } },
    2: picture('SaveImage', { filename_prefix: 'folder/über' }),
    3: picture('PreviewImage'),
  });
  const { outputs, progress } = await api.ended(id);
  expect(
    outputs.map(({ node_id, type, content_type }: { [key: string]: string }) => [node_id, type, content_type]),
  ).toEqual(
    expect.arrayContaining([
      ['2', 'image', 'image/png'],
      ['3', 'image', 'image/png'],
    ]),
  );
  expect(progress.nodes_total).toBe(3);
  const saved = outputs.find((output: { node_id: string }) => output.node_id === '2');
  expect(saved.name).toBe('über_00001_.png');
  const bytes = Buffer.from(await (await fetch(saved.url)).arrayBuffer());
  expect([bytes.length, bytes.subarray(1, 4).toString()]).toEqual([saved.size_bytes, 'PNG']);
  expect((await api.get(`/assets/${saved.id}`)).body).toMatchObject({
    ...{ id: saved.id, hash: null, size_bytes: bytes.length, content_type: 'image/png', file_path: saved.name },
    job_id: id,
  });
});

test('a prompt of POST /prompt is a job, too', async () => {
  const promptId = await server.queue(show(1), { prompt_id: 'an id of ours/ü' });
  const body = await api.ended(encodeURIComponent(promptId));
  expect([body.id, body.status, body.outputs.length]).toEqual([promptId, 'succeeded', 1]);
  expect(await (await fetch(body.outputs[0].url)).text()).toBe('1');
  expect((await fetch(server.url + body.urls.self)).status).toBe(200);
});

test('a failed job says which node failed, and why', async () => {
  const job = await api.ended(
    await submitted({
      4: { class_type: 'TestFail', inputs: { message: 'no luck' } },
      5: { class_type: 'TestSink', inputs: { value: ['4', 0] } },
    }),
  );
  expect(job).toMatchObject({ status: 'failed', progress: null });
  expect(job.error).toMatchObject({ code: 'node_execution_error', node_id: '4', class_type: 'TestFail' });
  expect(job.error.message).toContain('no luck');
});

test('a running job shows its progress and the outputs it has so far', async () => {
  const { workflow, open } = gate();
  const id = await submitted({ ...workflow, ...show('first') });
  await api.until(id, 'running');
  for (;;) {
    const { body } = await api.get(`/jobs/${id}`);
    expect(body.status).toBe('running');
    if (body.outputs.length === 0 || !body.progress?.current_node) continue;
    expect(body.outputs[0]).toMatchObject({ node_id: '7', type: 'text' });
    expect(await (await fetch(body.outputs[0].url)).text()).toBe('"first"');
    expect(body.progress).toMatchObject({
      nodes_done: 1,
      nodes_total: 3,
      current_node: '1',
      current_node_class: 'TestUntilFile',
    });
    expect(body.progress.value).toBeGreaterThanOrEqual(1 / 3);
    expect([body.started_at, body.completed_at]).toEqual([expect.any(String), null]);
    break;
  }
  open();
  expect((await api.ended(id)).outputs.map((output: { node_id: string }) => output.node_id).sort()).toEqual(['2', '7']);
});

describe('cancel', () => {
  test('a waiting job is canceled and stays to be seen; a running one is interrupted; an ended one stays as it is', async () => {
    const { workflow, open } = gate();
    const running = await submitted(workflow);
    const [second, third] = [await submitted(show(2)), await submitted(show(3))];
    await api.until(running, 'running');
    expect((await api.get(`/jobs/${third}`)).body.queue_position).toBe(2);
    const { status, body } = await api.post(`/jobs/${second}/cancel`, '');
    expect([status, body.status, body.started_at]).toEqual([200, 'canceled', null]);
    expect(body.completed_at).not.toBeNull();
    expect((await api.get(`/jobs/${third}`)).body.queue_position).toBe(1);
    expect((await api.post(`/jobs/${running}/cancel`, '')).body.status).toMatch(/^cancel(?:ing|ed)$/);
    expect(await api.ended(running)).toMatchObject({ status: 'canceled', error: null });
    const done = await api.ended(third);
    expect(done.status).toBe('succeeded');
    expect((await api.post(`/jobs/${third}/cancel`, '')).body).toMatchObject({ status: 'succeeded', outputs: [{}] });
    expect((await api.post(`/jobs/${second}/cancel`, '')).body.status).toBe('canceled');
    open();
    expect((await api.post('/jobs/job_nobody/cancel', '')).status).toBe(404);
  });

  test('a job that has not noticed it yet is canceling, and may still succeed', async () => {
    const id = await submitted({ 1: { class_type: 'TestSpin', inputs: { ms: 1000 } } });
    await api.until(id, 'running');
    expect((await api.post(`/jobs/${id}/cancel`, '')).body.status).toBe('canceling');
    expect((await api.get(`/jobs/${id}`)).body.status).toBe('canceling');
    expect((await api.ended(id)).status).toBe('succeeded');
  });
});

describe('lists', () => {
  test('newest first, in pages that jobs in between do not disturb, by status and by labels', async () => {
    const { body: labelled } = await api.post('/jobs', { workflow: show('l'), metadata: { batch: 'b 1', 'q"': "'" } });
    expect(labelled.metadata).toEqual({ batch: 'b 1', 'q"': "'" });
    const ids = [labelled.id, await submitted(show('m')), await submitted(show('n'))];
    for (const id of ids) await api.ended(id);
    const first = (await api.get('/jobs?limit=2')).body;
    expect(first.jobs.map((job: { id: string }) => job.id)).toEqual([ids[2], ids[1]]);
    await api.ended(await submitted(show('o')));
    const second = (await api.get(`/jobs?limit=2&cursor=${first.next_cursor}`)).body;
    expect(second.jobs[0]).toMatchObject({ id: ids[0], metadata: labelled.metadata });
    const filter = new URLSearchParams({ 'metadata[batch]': 'b 1', 'metadata[q"]': "'" });
    const found = (await api.get(`/jobs?${filter}`)).body;
    expect([found.jobs.map((job: { id: string }) => job.id), found.next_cursor]).toEqual([[ids[0]], undefined]);
    expect((await api.get('/jobs?metadata[batch]=other')).body.jobs).toEqual([]);
    for (const job of (await api.get('/jobs?status=failed,canceled')).body.jobs)
      expect(['failed', 'canceled']).toContain(job.status);
    expect((await api.get('/jobs?status=expired')).body.jobs).toEqual([]);
  });

  test.each(['limit=0', 'limit=101', 'limit=x', 'status=done', 'cursor=eA', 'cursor=%FF'])(
    '%s is refused',
    async (query) => {
      const { status, body } = await api.get(`/jobs?${query}`);
      expect([status, body.error.code]).toEqual([400, 'invalid_request']);
    },
  );
});

describe('what POST /api/v2/jobs refuses', () => {
  const refusal = async (body: unknown) => {
    const answer = await api.post('/jobs', body);
    return [answer.status, answer.body.error.code, answer.body.error.message] as const;
  };

  test.each([
    [400, 'invalid_request', '{"workflow"', /JSON/],
    [422, 'invalid_request', '[]', /object/],
    [422, 'invalid_workflow', '{}', /API format/],
    [422, 'invalid_workflow', '{"workflow": "x"}', /API format/],
    [422, 'invalid_workflow', '{"workflow": {}}', /no outputs/],
    [422, 'workflow_format_ui', '{"workflow": {"nodes": [], "links": []}}', /API format/],
    [422, 'invalid_request', JSON.stringify({ workflow: show(1), webhook_url: 'http://a.example' }), /webhook_url/],
    [422, 'invalid_request', JSON.stringify({ workflow: show(1), inputs: {} }), /inputs/],
    [422, 'invalid_request', JSON.stringify({ workflow: show(1), extra_data: 'x' }), /extra_data/],
    [422, 'invalid_request', JSON.stringify({ workflow: show(1), metadata: { a: 1 } }), /metadata/],
    [413, 'payload_too_large', JSON.stringify({ workflow: show('x'.repeat(110_000)) }), /100000/],
  ])('%i %s', async (status, code, body, message) => {
    expect(await refusal(body)).toEqual([status, code, expect.stringMatching(message)]);
  });

  test('a wrong node, with each of its inputs that is wrong', async () => {
    const { status, body } = await api.submit({
      ...show(1),
      9: { class_type: 'TestWidgets', inputs: { int: 'many', float: 7 } },
      10: { class_type: 'TestSink', inputs: {} },
    });
    expect([status, body.error.code]).toEqual([422, 'invalid_workflow']);
    expect(body.error.message).toMatch(/^Node 9 \(TestWidgets\): /);
    expect(body.error.details.node_errors).toMatchObject({
      9: [
        { field: 'int', reason: 'invalid_input_type' },
        { field: 'float', reason: 'value_bigger_than_max' },
      ],
      10: [{ field: 'value', reason: 'required_input_missing' }],
    });
    const unknown = await api.submit({ 3: { class_type: 'Nope', inputs: {} } });
    expect(unknown.body.error.details.node_errors).toMatchObject({
      3: [{ field: 'class_type', reason: 'missing_node_type' }],
    });
  });

  test('a queue that is full, until there is room', async () => {
    const { workflow, open } = gate();
    const ids = [await submitted(workflow)];
    await api.until(ids[0], 'running');
    for (let i = 0; i < 3; i++) ids.push(await submitted(show(i)));
    const { status, body, headers } = await api.submit(show('late'), 'late');
    expect([status, body.error.code, headers.get('retry-after')]).toEqual([429, 'queue_full', '5']);
    open();
    for (const id of ids) expect((await api.ended(id)).status).toBe('succeeded');
    expect((await api.submit(show('late'), 'late')).status).toBe(201);
  });
});

test('credentials reach the node that runs and stay nowhere', async () => {
  const { body } = await api.post('/jobs', { workflow: show(1), extra_data: { api_key_comfy_org: 'secret-key' } });
  await api.ended(body.id);
  expect(JSON.stringify(await server.get(`/history/${body.id}`))).not.toContain('secret-key');
});

describe('errors below /api/v2 are envelopes', () => {
  const code = async (method: string, path: string, init: RequestInit = {}) => {
    const { status, body } = await api.send(method, path, init);
    return [status, body.error.code];
  };

  test('unknown paths, methods and names', async () => {
    expect(await code('GET', '/nothing')).toEqual([404, 'not_found']);
    expect(await code('GET', '/jobs/job_x')).toEqual([404, 'not_found']);
    expect(await code('GET', '/jobs/job_x/workflow')).toEqual([404, 'not_found']);
    expect(await code('GET', '/jobs/job_x/events')).toEqual([404, 'not_found']);
    expect(await code('GET', '/jobs/%FF')).toEqual([400, 'invalid_request']);
    expect(await code('DELETE', '/jobs')).toEqual([405, 'method_not_allowed']);
    expect(await code('GET', '/assets')).toEqual([405, 'method_not_allowed']);
    expect(await code('GET', '/jobs', { headers: { origin: 'http://evil.example' } })).toEqual([403, 'forbidden']);
    const { headers } = await api.send('DELETE', '/jobs');
    expect(headers.get('allow')).toBe('GET, POST');
  });

  test('ComfyUI’s own route below /api/v2 keeps its form, and /v2/jobs is not there', async () => {
    expect((await fetch(`${server.url}/api/v2/userdata`)).status).toBe(200);
    const missing = await fetch(`${server.url}/api/v2/userdata?path=../x`);
    expect(await missing.text()).not.toContain('"code"');
    expect((await fetch(`${server.url}/v2/jobs`)).status).toBe(404);
    expect((await fetch(`${server.url}/api/api/v2/jobs`)).status).toBe(404);
  });

  test('the token', async () => {
    const guarded = await startTestServer({ token: 'a-token-of-sixteen-letters' });
    try {
      const { status, body, headers } = await apiV2(guarded.url).get('/jobs');
      expect([status, body.error.code, headers.get('www-authenticate')]).toEqual([
        401,
        'unauthorized',
        expect.stringMatching(/^Bearer/),
      ]);
      const friend = apiV2(guarded.url, { authorization: 'Bearer a-token-of-sixteen-letters' });
      expect((await friend.get('/jobs')).body.jobs).toEqual([]);
      expect((await apiV2(guarded.url).events('/jobs/job_x/events')).status).toBe(401);
    } finally {
      await guarded.close();
    }
  });
});

test('nothing of this left a file behind where none belongs', () => {
  expect(existsSync(join(server.dataDir, 'input', '.assets'))).toBe(false);
});
