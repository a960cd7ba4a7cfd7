// The queue through its routes: prompts come in, run in order, are told, interrupted, removed.
// (protocol: Queue; History; Jobs; Submitting a prompt; Order of events; Validation errors; Every route)
// (protocol: Numbers in JSON; Node descriptions; Interrupt and free)
import { nodeErrors, promptAccepted, promptRefusal } from '../../../../schemas/errors.ts';
import { history, queue, queueInfo } from '../../../../schemas/history.ts';
import { jobDetail, jobList } from '../../../../schemas/jobs.ts';
import { prompt, type QueueServer, type QueueServerOptions, startQueueServer } from '../../../helpers/queue-server.ts';

const servers: QueueServer[] = [];
async function start(options: QueueServerOptions = {}): Promise<QueueServer> {
  const server = await startQueueServer(options);
  servers.push(server);
  return server;
}
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

test('a prompt is accepted with its number; the queue shows it', async () => {
  const server = await start();
  const { status, body } = await server.queue({ client_id: 'me', extra_data: { extra_pnginfo: { workflow: null } } });
  expect(status).toBe(200);
  expect(promptAccepted.parse(body)).toEqual({
    prompt_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    number: 0,
    node_errors: {},
  });
  await server.nextJob();
  const second = await server.queue({ prompt_id: 'mine' });
  expect(second.body).toMatchObject({ prompt_id: 'mine', number: 1 });
  const { queue_running: running, queue_pending: pending } = queue.parse(await server.get('/queue'));
  expect(running).toEqual([
    [
      0,
      body.prompt_id,
      prompt,
      { extra_pnginfo: { workflow: null }, client_id: 'me', create_time: expect.any(Number) },
      ['2'],
    ],
  ]);
  expect(pending.map((item) => item[1])).toEqual(['mine']);
  expect(queueInfo.parse(await server.get('/api/prompt')).exec_info.queue_remaining).toBe(2);
});

test('status on put, on pop, events, history, status, and executing null last', async () => {
  const server = await start();
  await server.queue({ client_id: 'A', prompt_id: 'p' });
  const job = await server.nextJob();
  expect(job.job).toMatchObject({ promptId: 'p', outputsToExecute: ['2'], prompt });
  job.emit({ type: 'executing', data: { node: '1', display_node: '1', prompt_id: 'p' } });
  expect(server.dispatcher.executingNode('A')).toBe('1');
  expect(server.dispatcher.executingNode('B')).toBeUndefined();
  job.end();
  await server.until('A: executing null (history)');
  expect(server.seen).toEqual([
    'status 1',
    'status 1',
    'A: execution_start',
    'A: executing 1',
    'A: execution_success',
    'status 0',
    'A: executing null (history)',
  ]);
  expect(server.dispatcher.executingNode('A')).toBeUndefined();
});

test('the history is readable when the last status comes', async () => {
  const server = await start();
  await server.queue({ prompt_id: 'p' });
  (await server.nextJob()).end();
  await server.until('status 0');
  expect(Object.keys(history.parse(await server.get('/history/p')))).toEqual(['p']);
});

test('no job starts before its answer was sent, also where the queue gets to it at once', async () => {
  const server = await start({ startDelayMs: 20 });
  await server.queue({ prompt_id: 'first' });
  const first = await server.nextJob();
  const answered = server.queue({ prompt_id: 'second', client_id: 'B' }).then(() => server.note('answered'));
  await server.until('status 2');
  first.end();
  await answered;
  await server.nextJob();
  expect(server.seen.indexOf('answered')).toBeLessThan(server.seen.indexOf('B: execution_start'));
});

test('smallest number first; front goes before; a number does not advance the counter', async () => {
  const server = await start();
  await server.queue({ prompt_id: 'running' });
  const job = await server.nextJob();
  expect((await server.queue({ prompt_id: 'one' })).body.number).toBe(1);
  expect((await server.queue({ prompt_id: 'front', front: true })).body.number).toBe(-2);
  expect((await server.queue({ prompt_id: 'explicit', number: 0.5 })).body.number).toBe(0.5);
  expect((await server.queue({ prompt_id: 'last' })).body.number).toBe(3);
  job.end();
  for (const id of ['front', 'explicit', 'one', 'last']) {
    const next = await server.nextJob();
    expect(next.job.promptId).toBe(id);
    next.end();
  }
  await server.until('status 0');
});

test('the counter counts refused prompts too', async () => {
  const server = await start();
  expect((await server.post('/prompt', {})).status).toBe(400);
  expect((await server.post('/prompt', { prompt: {} })).status).toBe(400);
  expect((await server.queue()).body.number).toBe(2);
});

test('what is wrong is told all at once, in ComfyUI’s shape', async () => {
  const server = await start();
  const none = await server.post('/prompt', { client_id: 'me' });
  expect(none.status).toBe(400);
  expect(await none.json()).toEqual({
    error: { type: 'no_prompt', message: 'No prompt provided', details: 'No prompt provided', extra_info: {} },
    node_errors: {},
  });
  const bad = await server.queue({ prompt: { ...prompt, '1': { class_type: 'Make', inputs: { seed: 'x' } } } });
  expect(bad.status).toBe(400);
  const { error, node_errors } = promptRefusal.parse(bad.body);
  expect(error.type).toBe('prompt_outputs_failed_validation');
  expect(node_errors['1'].errors.map((e) => e.type)).toEqual(['invalid_input_type', 'required_input_missing']);
  const partly = await server.queue({ prompt: { ...prompt, '3': { class_type: 'Show', inputs: {} } } });
  expect(partly.status).toBe(200);
  expect(Object.keys(nodeErrors.parse(partly.body.node_errors))).toEqual(['3']);
  expect((await server.nextJob()).job.outputsToExecute).toEqual(['2']);
});

test.each([
  ['', 400, 'invalid_request'],
  ['{"prompt": ', 400, 'invalid_request'],
  ['[]', 400, 'invalid_request'],
  ['{"prompt": []}', 400, 'invalid_prompt'],
  ['{"prompt": {}, "prompt_id": ""}', 400, 'invalid_prompt_id'],
  ['{"prompt": {}, "prompt_id": {}}', 400, 'invalid_prompt_id'],
  ['{"prompt": {}, "prompt_id": "a\\u0000b"}', 400, 'invalid_prompt_id'],
  ['{"prompt": {}, "number": "soon"}', 400, 'invalid_request'],
  ['{"prompt": {}, "number": NaN}', 400, 'invalid_request'],
  ['{"prompt": {}, "extra_data": [1]}', 400, 'invalid_request'],
  ['{"prompt": {}, "partial_execution_targets": "2"}', 400, 'invalid_request'],
  ['{"prompt": {}, "client_id": 5}', 400, 'invalid_request'],
  ['['.repeat(100_000), 400, 'invalid_request'],
  [`"${'x'.repeat(300_000)}"`, 413, 'invalid_request'],
])('a body that cannot be is refused in words: %#', async (body, status, type) => {
  const server = await start();
  const response = await server.post('/prompt', body);
  expect(response.status).toBe(status);
  expect(promptRefusal.parse(await response.json()).error.type).toBe(type);
});

test('a prompt id is used once', async () => {
  const server = await start();
  expect((await server.queue({ prompt_id: 'p' })).status).toBe(200);
  (await server.nextJob()).end();
  await server.until('status 0');
  const again = await server.queue({ prompt_id: 'p' });
  expect(again.status).toBe(400);
  expect(promptRefusal.parse(again.body).error).toMatchObject({
    type: 'invalid_prompt_id',
    message: 'prompt_id is already in use',
  });
});

test('NaN and big seeds reach the worker whole', async () => {
  const server = await start();
  const text = JSON.stringify({ prompt, prompt_id: 'p' })
    .replace('"seed":1', '"seed":18446744073709551615')
    .replace('0.5', 'NaN');
  expect((await server.post('/prompt', text)).status).toBe(200);
  const { job } = await server.nextJob();
  expect(job.prompt['1'].inputs).toEqual({ seed: 18446744073709551615n, scale: Number.NaN });
  expect(await (await server.fetch('/queue')).text()).toContain('"seed":18446744073709551615,"scale":null');
});

test('a full queue refuses with 429', async () => {
  const server = await start({ maxQueueLength: 1 });
  await server.queue();
  await server.nextJob();
  expect((await server.queue()).status).toBe(200);
  const full = await server.queue();
  expect(full.status).toBe(429);
  expect(promptRefusal.parse(full.body).error.type).toBe('queue_full');
});

test('a full disk refuses with 503 and words, and accepts nothing', async () => {
  const server = await start({ maxBytes: 100_000 });
  const full = await server.queue({ extra_data: { text: 'x'.repeat(150_000) } });
  expect(full.status).toBe(503);
  expect(promptRefusal.parse(full.body).error).toMatchObject({
    type: 'queue_unavailable',
    details: expect.stringMatching(/disk is full/),
  });
  expect((await server.queue({ prompt_id: 'small' })).status).toBe(200);
  expect((await server.nextJob()).job.promptId).toBe('small');
});

test('POST /queue deletes and clears what waits, not what runs', async () => {
  const server = await start();
  await server.queue({ prompt_id: 'runs' });
  await server.nextJob();
  for (const prompt_id of ['a', 'b', 'c']) await server.queue({ prompt_id });
  const before = server.seen.length;
  const response = await server.post('/queue', { delete: ['a', 'unknown', 'runs'] });
  expect([response.status, await response.text(), response.headers.get('content-length')]).toEqual([200, '', '0']);
  expect((await server.get('/queue')).queue_pending.map((item: unknown[]) => item[1])).toEqual(['b', 'c']);
  await server.post('/queue', { delete: ['unknown'] });
  await server.post('/api/queue', { clear: true });
  expect(await server.get('/queue')).toMatchObject({
    queue_pending: [],
    queue_running: [expect.arrayContaining(['runs'])],
  });
  expect(server.seen.slice(before)).toEqual(['status 3', 'status 1']);
  expect((await server.post('/queue', { delete: 'a' })).status).toBe(400);
});

test('the history, its windows and forgetting', async () => {
  const server = await start();
  for (const prompt_id of ['a', 'b', 'c']) {
    await server.queue({ prompt_id, extra_data: { auth_token_comfy_org: 'SECRET' } });
    const job = await server.nextJob();
    expect(job.job.extraData.auth_token_comfy_org).toBe('SECRET');
    job.end({ outputs: { '2': { text: ['hello'] } } });
    await server.until('status 0');
    server.seen.length = 0;
  }
  const all = history.parse(await server.get('/history'));
  expect(Object.keys(all)).toEqual(['a', 'b', 'c']);
  expect(JSON.stringify(all)).not.toContain('SECRET');
  expect(Object.keys(all.a)).toEqual(['prompt', 'outputs', 'status', 'meta']);
  expect(all.a).toMatchObject({
    outputs: { '2': { text: ['hello'] } },
    status: { status_str: 'success', completed: true },
  });
  expect(Object.keys(await server.get('/history?max_items=1'))).toEqual(['c']);
  expect(Object.keys(await server.get('/api/history?max_items=1&offset=1'))).toEqual(['b']);
  expect((await server.fetch('/history?max_items=x')).status).toBe(400);
  expect((await server.fetch('/history', { method: 'HEAD' })).status).toBe(200);
  expect(await server.get('/history/nope')).toEqual({});
  await server.post('/history', { delete: ['b'] });
  expect(Object.keys(await server.get('/history'))).toEqual(['a', 'c']);
  expect(await (await server.post('/history', { clear: true })).text()).toBe('');
  expect(await server.get('/history')).toEqual({});
});

test('/interrupt stops what runs, or only that prompt, whatever its body; that is an error in the history', async () => {
  const server = await start();
  await server.queue({ prompt_id: 'p' });
  await server.nextJob();
  await server.queue({ prompt_id: 'waits' });
  expect((await server.post('/interrupt', { prompt_id: 'waits' })).status).toBe(200);
  expect((await server.get('/queue')).queue_running).toHaveLength(1);
  const response = await server.post('/interrupt', { prompt_id: 'p' });
  expect([response.status, await response.text()]).toEqual([200, '']);
  await server.until('undefined: executing null (history)');
  expect((await server.get('/history/p')).p.status).toMatchObject({ status_str: 'error', completed: false });
  const next = await server.nextJob();
  expect(next.job.promptId).toBe('waits');
  expect((await server.post('/interrupt')).status).toBe(200);
  expect((await server.post('/interrupt', 'no json')).status).toBe(200);
  await server.until('status 0');
});

test('/free waits until nothing runs', async () => {
  const server = await start();
  await server.queue({ prompt_id: 'p' });
  const job = await server.nextJob();
  expect((await server.post('/free', { unload_models: true })).status).toBe(200);
  await server.post('/free', { free_memory: true });
  expect(server.freed).toEqual([]);
  await server.queue({ prompt_id: 'next' });
  job.end();
  const next = await server.nextJob();
  expect(server.freed).toEqual([{ unloadModels: true, freeMemory: true }]);
  next.end();
  await server.until('status 0');
  await server.post('/api/free', { free_memory: true });
  expect(server.freed).toHaveLength(2);
});

test('jobs are listed, filtered, paged and shown in detail', async () => {
  const server = await start();
  await server.queue({ prompt_id: 'done', extra_data: { extra_pnginfo: { workflow: { id: 'w' } } } });
  (await server.nextJob()).end({ outputs: { '2': { text: ['hello'] } } });
  await server.until('status 0');
  await server.queue({ prompt_id: 'runs', extra_data: { extra_pnginfo: null } });
  await server.nextJob();
  await server.queue({ prompt_id: 'waits' });
  const { jobs, pagination } = jobList.parse(await server.get('/api/jobs?sort_order=asc'));
  expect(jobs.map((job) => [job.id, job.status])).toEqual([
    ['done', 'completed'],
    ['runs', 'in_progress'],
    ['waits', 'pending'],
  ]);
  expect(jobs[0]).toMatchObject({
    workflow_id: 'w',
    preview_output: { content: 'hello', nodeId: '2', mediaType: 'text' },
  });
  expect(pagination).toEqual({ offset: 0, limit: null, total: 3, has_more: false });
  const page = await server.get('/api/jobs?status=in_progress,pending&limit=1&offset=-3');
  expect(page).toMatchObject({
    jobs: [{ id: 'waits' }],
    pagination: { offset: 0, limit: 1, total: 2, has_more: true },
  });
  expect((await server.get('/api/api/jobs?workflow_id=w')).jobs).toHaveLength(1);
  expect((await server.fetch('/jobs')).status).toBe(404);
  const detail = jobDetail.parse(await server.get('/api/jobs/done'));
  expect(detail).toMatchObject({
    outputs: { '2': { text: ['hello'] } },
    workflow: { prompt },
    execution_status: { completed: true },
  });
  expect(jobDetail.parse(await server.get('/api/jobs/waits')).workflow.prompt).toEqual(prompt);
  const missing = await server.fetch('/api/jobs/nope');
  expect([missing.status, await missing.json()]).toEqual([404, { error: 'Job not found' }]);
});

test.each([
  [
    'status=done,pending,x',
    'Invalid status value(s): done, x. Valid values: pending, in_progress, completed, failed, cancelled',
  ],
  ['sort_by=name', "sort_by must be 'created_at' or 'execution_duration'"],
  ['sort_order=up', "sort_order must be 'asc' or 'desc'"],
  ['limit=0', 'limit must be a positive integer'],
  ['limit=x', 'limit must be an integer'],
  ['offset=1.5', 'offset must be an integer'],
])('GET /api/jobs?%s is refused', async (query, error) => {
  const server = await start();
  const response = await server.fetch(`/api/jobs?${query}`);
  expect([response.status, await response.json()]).toEqual([400, { error }]);
});

test('jobs are cancelled, waiting ones and the running one', async () => {
  const server = await start();
  await server.queue({ prompt_id: 'runs' });
  await server.nextJob();
  await server.queue({ prompt_id: 'waits' });
  const cancel = async (path: string, body?: unknown) => {
    const response = await server.post(path, body);
    return [response.status, await response.json()];
  };
  expect(await cancel('/api/jobs/waits/cancel')).toEqual([200, { cancelled: true }]);
  expect(await cancel('/api/jobs/waits/cancel')).toEqual([200, { cancelled: false }]);
  expect(await cancel('/api/jobs/cancel', 'no json')).toEqual([400, { error: 'Request body must be valid JSON' }]);
  expect(await cancel('/api/jobs/cancel', { job_ids: 'runs' })).toEqual([400, { error: 'job_ids must be a list' }]);
  expect(await cancel('/api/jobs/cancel', { job_ids: ['runs', 5] })).toEqual([
    400,
    { error: 'job_ids contains invalid id(s)', invalid_ids: [5] },
  ]);
  await cancel('/api/jobs/cancel', { job_ids: ['runs', 'nope'] });
  await server.until('status 0');
  expect(await server.get('/api/jobs')).toMatchObject({ jobs: [{ id: 'runs', status: 'cancelled' }] });
});

test.each([true, false])(
  'a stop loses nothing: what ran and what waited runs after the next start (stubborn: %p)',
  async (stubborn) => {
    const server = await startQueueServer({ stubborn, closeWithinMs: 50 });
    await server.queue({ prompt_id: 'runs', client_id: 'A' });
    await server.nextJob();
    await server.queue({ prompt_id: 'waits' });
    await server.close({ keep: true });
    expect(server.seen).not.toContain('A: executing null');
    const again = await start({ dataDir: server.dataDir });
    for (const id of ['runs', 'waits']) {
      const job = await again.nextJob();
      expect(job.job.promptId).toBe(id);
      job.end();
    }
    await again.until('status 0');
    expect(Object.keys(await again.get('/history'))).toEqual(['runs', 'waits']);
  },
);

test('a result that cannot be written waits for room and is not lost', async () => {
  const server = await start({ maxBytes: 110_000 });
  await server.queue({ prompt_id: 'p' });
  const job = await server.nextJob();
  let fillers = 0;
  while ((await server.queue({ extra_data: { text: 'x'.repeat(1500) } })).status === 200) fillers++;
  job.end({ outputs: { '2': { text: ['y'.repeat(9000)] } } });
  expect((await server.get('/queue')).queue_running).toHaveLength(1);
  await server.post('/queue', { clear: true });
  await server.until('undefined: executing null (history)');
  expect(fillers).toBeGreaterThan(1);
  expect((await server.get('/history/p')).p.outputs['2'].text[0]).toHaveLength(9000);
});
