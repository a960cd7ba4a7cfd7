// The rules of docs/protocol.md that show over HTTP, on a real server with a real worker.
// (protocol: Submitting a prompt; Validation errors; Interrupt and free; Every route; Node descriptions; Queue)
// (protocol: History; Jobs; Which nodes run; Cached results; Lists; Hidden inputs)
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Json, startTestServer, type TestServer } from '../../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

let files = 0;
/** A prompt that runs until `open` is called. */
async function startGate(extra: object = {}) {
  const path = join(server.dataDir, `gate-${++files}`);
  const promptId = await server.queue(
    {
      1: { class_type: 'TestUntilFile', inputs: { path } },
      2: { class_type: 'TestSink', inputs: { value: ['1', 0] } },
    },
    extra,
  );
  await server.running(promptId);
  return { promptId, open: () => writeFileSync(path, '') };
}
const show = (value: unknown) => ({ 1: { class_type: 'TestShow', inputs: { value } } });
const shown = (history: Json, id: string) => history.outputs[id].text.map((text: string) => JSON.parse(text));

describe('what POST /prompt takes', () => {
  test('a body as text/plain, with fields that nobody knows', async () => {
    const response = await fetch(`${server.url}/api/prompt`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain;charset=UTF-8' },
      body: JSON.stringify({ prompt: show('plain'), unknown: 1, extra_data: { mine: true } }),
    });
    expect(response.status).toBe(200);
    const { prompt_id, number, node_errors } = (await response.json()) as Json;
    expect([typeof number, node_errors]).toEqual(['number', {}]);
    expect((await server.ended(prompt_id)).prompt[3]).toMatchObject({ mine: true });
  });

  test('the prompt_id of the client is kept, and is used once', async () => {
    const prompt_id = '6b0a9a0e-8f2e-4c1e-9d62-2f6a3f0b8f11';
    const { promptId } = await server.run(show('own id'), { prompt_id });
    expect(promptId).toBe(prompt_id);
    const { status, body } = await server.post('/prompt', { prompt: show(1), prompt_id });
    expect([status, body.error.type, body.node_errors]).toEqual([400, 'invalid_prompt_id', {}]);
  });

  test('literals are converted, in what the node gets and in the history', async () => {
    const inputs = { int: '3', float: '0.25', string: 7, boolean: 'false', combo: 'b' };
    const { history } = await server.run({ 1: { class_type: 'TestWidgets', inputs } });
    const converted = { int: 3, float: 0.25, string: '7', boolean: true, combo: 'b' };
    expect(shown(history, '1')).toEqual([converted]);
    expect(history.prompt[2]['1'].inputs).toEqual(converted);
    const truncated = await server.run({ 1: { class_type: 'TestWidgets', inputs: { int: 3.7 } } });
    expect(shown(truncated.history, '1')[0].int).toBe(3);
  });

  test('a list literal travels wrapped and is kept so, since a bare list would be a link', async () => {
    const { history } = await server.run(show({ __value__: ['a', 'b'] }));
    expect(shown(history, '1')).toEqual([['a', 'b']]);
    expect(history.prompt[2]['1'].inputs.value).toEqual({ __value__: ['a', 'b'] });
  });

  test('a seed beyond 2^53 keeps every digit, there and back', async () => {
    const seed = '18446744073709551615';
    const text = `{"prompt": {"1": {"class_type": "TestWidgets", "inputs": {"int": ${seed}}}}}`;
    const { body } = await server.post('/prompt', text);
    await server.ended(body.prompt_id);
    const history = await (await fetch(`${server.url}/history/${body.prompt_id}`)).text();
    expect(history).toContain(`"int":${seed}`);
  });

  test('partial_execution_targets run only those outputs and what they need', async () => {
    const graph = {
      1: { class_type: 'TestText', inputs: { text: 'partial' } },
      2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
      3: { class_type: 'TestFail', inputs: {} },
      4: { class_type: 'TestShow', inputs: { value: ['3', 0] } },
    };
    const { history } = await server.run(graph, { partial_execution_targets: ['2'] });
    expect([history.status.status_str, history.prompt[4], Object.keys(history.outputs)]).toEqual([
      'success',
      ['2'],
      ['2'],
    ]);
    const none = await server.post('/prompt', { prompt: graph, partial_execution_targets: ['1'] });
    expect([none.status, none.body.error.type]).toEqual([400, 'prompt_no_outputs']);
  });

  test('credentials reach neither the queue nor the history; create_time does', async () => {
    const extra_data = {
      auth_token_comfy_org: 'secret',
      api_key_comfy_org: 'secret',
      extra_pnginfo: { workflow: { id: 'w' } },
    };
    const { promptId, open } = await startGate({ extra_data });
    const queue = await server.get('/queue');
    open();
    const history = await server.ended(promptId);
    expect(JSON.stringify([queue, history])).not.toContain('secret');
    expect(queue.queue_running[0]).toHaveLength(5);
    expect(history.prompt[3]).toEqual({ extra_pnginfo: { workflow: { id: 'w' } }, create_time: expect.any(Number) });
  });
});

describe('errors of POST /prompt', () => {
  test('every error of a graph at once, whole', async () => {
    const { status, body } = await server.post('/prompt', {
      prompt: {
        1: { class_type: 'TestWidgets', inputs: { int: '3.7', float: 2, combo: 'z' } },
        2: { class_type: 'TestAdd', inputs: { a: ['9', 0] } },
        3: { class_type: 'TestShow', inputs: { value: ['2', 0] } },
        4: { class_type: 'TestRefuse', inputs: { text: 'bad' } },
      },
    });
    expect(status).toBe(400);
    expect(body.error).toMatchObject({
      type: 'prompt_outputs_failed_validation',
      message: 'Prompt outputs failed validation',
      extra_info: {},
    });
    expect(body.error.details).toContain("Value not in list: combo: 'z' not in ['a', 'b']");
    const types = Object.entries<Json>(body.node_errors).map(([id, { errors, dependent_outputs, class_type }]) => [
      id,
      class_type,
      dependent_outputs,
      errors.map(({ type }: Json) => type),
    ]);
    expect(types).toEqual([
      ['1', 'TestWidgets', ['1'], ['invalid_input_type', 'value_bigger_than_max', 'value_not_in_list']],
      ['2', 'TestAdd', ['3'], ['exception_during_inner_validation']],
      ['4', 'TestRefuse', ['4'], ['custom_validation_failed']],
    ]);
    for (const { errors } of Object.values<Json>(body.node_errors))
      for (const error of errors)
        expect(error).toEqual({
          type: expect.any(String),
          message: expect.any(String),
          details: expect.any(String),
          extra_info: expect.any(Object),
        });
    expect(body.node_errors['4'].errors[0]).toMatchObject({
      details: 'text - bad is not good',
      extra_info: { input_name: 'text' },
    });
  });

  test('a graph with one good output is accepted, and the 200 carries the errors of the others', async () => {
    const { status, body } = await server.post('/prompt', {
      prompt: { ...show('good'), 2: { class_type: 'TestShow', inputs: {} } },
    });
    expect([status, Object.keys(body.node_errors)]).toEqual([200, ['2']]);
    expect((await server.ended(body.prompt_id)).prompt[4]).toEqual(['1']);
  });

  test.each([
    ['nothing', {}, 'no_prompt', 'No prompt provided'],
    [
      'an unknown class',
      { prompt: { 5: { class_type: 'Nope', inputs: {}, _meta: { title: 'My node' } } } },
      'missing_node_type',
      "Node 'My node' not found. The custom node may not be installed.",
    ],
    [
      'a node without a class',
      { prompt: { 5: { inputs: {} } } },
      'missing_node_type',
      "Node 'ID #5' has no class_type. The workflow may be corrupted or a custom node is missing.",
    ],
    [
      'no output',
      { prompt: { 5: { class_type: 'TestText', inputs: { text: '' } } } },
      'prompt_no_outputs',
      'Prompt has no outputs',
    ],
  ])('%s', async (_, request, type, message) => {
    const { status, body } = await server.post('/prompt', request);
    expect([status, body.error.type, body.error.message, body.node_errors]).toEqual([400, type, message, {}]);
  });
});

describe('ids that nobody knows', () => {
  const id = '00000000-0000-4000-8000-000000000000';
  test.each([
    ['GET', `/history/${id}`, undefined, 200, {}],
    ['GET', `/api/jobs/${id}`, undefined, 404, { error: 'Job not found' }],
    ['POST', `/api/jobs/${id}/cancel`, undefined, 200, { cancelled: false }],
    ['POST', '/api/jobs/cancel', { job_ids: [id] }, 200, { cancelled: false }],
    ['GET', '/object_info/Primitive%20boolean%20%5BCrystools%5D', undefined, 200, {}],
    ['GET', '/global_subgraphs/nope', undefined, 200, null],
  ])('%s %s', async (method, path, body, status, answer) => {
    const response = await fetch(server.url + path, { method, body: body && JSON.stringify(body) });
    expect([response.status, await response.json()]).toEqual([status, answer]);
  });

  test.each(['/queue', '/history'])('POST %s {delete} takes them in silence', async (path) => {
    expect(await server.post(path, { delete: [id] })).toEqual({ status: 200, body: '' });
  });
});

describe('the queue, interrupting and freeing', () => {
  test('runs by number; front goes before what waits', async () => {
    const { promptId, open } = await startGate();
    const ids: Record<string, string> = {};
    for (const [name, extra] of Object.entries<object>({
      last: {},
      later: { number: 1e6 },
      early: { number: -1e6 },
      front: { front: true },
    }))
      ids[name] = await server.queue(show(name), extra);
    const { queue_pending, queue_running } = await server.get('/queue');
    expect(queue_running.map(([, running]: Json) => running)).toEqual([promptId]);
    expect(queue_pending.map(([, waiting]: Json) => waiting).toSorted()).toEqual(Object.values(ids).toSorted());
    expect(await server.get('/prompt')).toEqual({ exec_info: { queue_remaining: 5 } });
    open();
    await server.ended(ids.later);
    const history = Object.keys(await server.get('/history?max_items=5'));
    expect(history).toEqual([promptId, ids.early, ids.front, ids.last, ids.later]);
  });

  test('/interrupt with the id of another prompt does nothing, with its own it ends it', async () => {
    const { promptId } = await startGate();
    const waiting = await server.queue(show('after the interrupt'));
    expect(await server.post('/interrupt', { prompt_id: waiting })).toEqual({ status: 200, body: '' });
    await server.running(promptId);
    await server.post('/interrupt', { prompt_id: promptId });
    expect((await server.ended(promptId)).status.messages.at(-1)[0]).toBe('execution_interrupted');
    expect((await server.ended(waiting)).status.status_str).toBe('success');
  });

  test('a prompt that was taken from the queue never enters the history', async () => {
    const { promptId, open } = await startGate();
    const removed = await server.queue(show('removed'));
    const cleared = await server.queue(show('cleared'));
    await server.post('/queue', { delete: [removed] });
    await server.post('/queue', { clear: true });
    open();
    await server.ended(promptId);
    for (const id of [removed, cleared]) expect(await server.get(`/history/${id}`)).toEqual({});
  });
});

describe('what runs, and how often', () => {
  const counted = (key: string, [count, text]: [string, string] = ['1', '2']) => ({
    [count]: { class_type: 'TestCount', inputs: { value: 1, key } },
    [text]: { class_type: 'TestShow', inputs: { value: [count, 1] } },
  });
  const runs = async (key: string, ids?: [string, string]) =>
    shown((await server.run(counted(key, ids))).history, ids?.[1] ?? '2')[0];

  test('a graph with other ids comes from the cache', async () => {
    expect(await runs('renumbered')).toBe(1);
    expect(await runs('renumbered', ['77', '5'])).toBe(1);
    expect(await runs('renumbered anew')).toBe(1);
  });

  test('/free {free_memory} forgets results, in the same process', async () => {
    const pid = server.workerPid;
    expect(await runs('freed')).toBe(1);
    await server.post('/free', { free_memory: true });
    expect(await runs('freed')).toBe(2);
    expect(server.workerPid).toBe(pid);
  });

  test('/free {unload_models} while a prompt runs waits for it, then memory is given back with the process', async () => {
    const pid = server.workerPid;
    const { promptId, open } = await startGate();
    await server.post('/free', { unload_models: true, free_memory: true });
    expect(server.workerPid).toBe(pid);
    open();
    expect((await server.ended(promptId)).status.status_str).toBe('success');
    await server.run(show('after'));
    expect(server.workerPid).not.toBe(pid);
  });

  test('lists map the nodes behind them, what they show is one list, INPUT_IS_LIST joins it', async () => {
    const { history, messages } = await server.run({
      1: { class_type: 'TestList', inputs: { count: 3 } },
      2: { class_type: 'TestAdd', inputs: { a: ['1', 0], b: 10 } },
      3: { class_type: 'TestShow', inputs: { value: ['2', 0] } },
      4: { class_type: 'TestJoin', inputs: { items: ['2', 0] } },
      5: { class_type: 'TestShow', inputs: { value: ['4', 0] } },
    });
    expect(shown(history, '3')).toEqual([11, 12, 13]);
    expect(shown(history, '5')).toEqual(['11 12 13']);
    const executed = messages.filter((m) => !Buffer.isBuffer(m) && m.type === 'executed' && m.data.node === '3');
    expect(executed).toHaveLength(1);
  });

  test('hidden inputs hold the whole prompt, the extra_pnginfo and the id', async () => {
    const info = { workflow: { id: 'w' } };
    const prompt = { 'a b': { class_type: 'TestHidden', inputs: {} }, ...show(1) };
    const { history } = await server.run(prompt, { extra_data: { extra_pnginfo: info } });
    expect(shown(history, 'a b')).toEqual([{ prompt, info, id: 'a b' }]);
  });

  test('an entry of the history, key by key', async () => {
    const { history, promptId } = await server.run(show('entry'));
    expect(Object.keys(history)).toEqual(['prompt', 'outputs', 'status', 'meta']);
    const [number, id, prompt, extra, outputs] = history.prompt;
    expect([typeof number, id, prompt, outputs]).toEqual(['number', promptId, show('entry'), ['1']]);
    expect(Object.keys(extra).toSorted()).toEqual(['client_id', 'create_time']);
    expect(history.status).toMatchObject({ status_str: 'success', completed: true });
    expect(history.meta).toEqual({ 1: { node_id: '1', display_node: '1', parent_node: null, real_node_id: '1' } });
  });

  test('a worker that dies fails its prompt with words, and the next one runs', async () => {
    const { history, messages } = await server.run({ 1: { class_type: 'TestExit', inputs: {} } });
    expect(history.status.status_str).toBe('error');
    const error = messages.find((m) => !Buffer.isBuffer(m) && m.type === 'execution_error');
    expect(error).toMatchObject({ data: { node_id: '1', node_type: 'TestExit' } });
    expect((await server.run(show('alive'))).history.status.status_str).toBe('success');
  });
});
