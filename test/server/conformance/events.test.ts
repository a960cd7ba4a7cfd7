// What a client hears of a prompt, whole and in order, from a real server with a real worker.
// (protocol: Addressing of events; Order of events; Expansion; Lazy inputs; Connecting; Feature flags; Binary frames)
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Json, startTestServer, type TestServer } from '../../helpers/server.ts';
import type { Received } from '../../helpers/socket.ts';

let server: TestServer;
beforeAll(async () => {
  // No status but those of the queue: the sequences below are whole.
  server = await startTestServer({ sockets: { statusIntervalMs: 3_600_000 } });
});
afterAll(() => server.close());

/** One line a message: its type, and what tells it from others of its type. */
function line(message: Received): string {
  if (Buffer.isBuffer(message)) return `binary ${message.readUInt32BE(0)}`;
  const { type, data } = message;
  const states = () => Object.values<Json>(data.nodes).map(({ node_id, state }) => `${node_id} ${state}`);
  if (type === 'status') return `status ${data.status.exec_info.queue_remaining}`;
  if (type === 'execution_cached') return `execution_cached [${data.nodes.toSorted()}]`;
  if (type === 'progress_state') return `progress_state ${states().join(', ')}`;
  if (type === 'progress') return `progress ${data.node} ${data.value}/${data.max}`;
  return 'node' in data ? `${type} ${data.node}` : type;
}
const story = (messages: readonly Received[]) => messages.map(line);
const withoutStates = (lines: readonly string[]) => lines.filter((l) => !l.startsWith('progress_state'));
const dataOf = (messages: readonly Received[], type: string): Json =>
  messages.flatMap((m) => (!Buffer.isBuffer(m) && m.type === type ? [m.data] : []))[0];
const chain = (text: string) => ({
  1: { class_type: 'TestText', inputs: { text } },
  2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
});

describe('the order of a prompt', () => {
  test('fresh', async () => {
    const { messages, promptId } = await server.run(chain('fresh'));
    expect(story(messages)).toEqual([
      'status 1',
      'status 1',
      'execution_start',
      'execution_cached []',
      'progress_state 1 running',
      'executing 1',
      'progress_state 1 finished',
      'progress_state 1 finished, 2 running',
      'executing 2',
      'executed 2',
      'progress_state 1 finished, 2 finished',
      'execution_success',
      'status 0',
      'executing null',
    ]);
    const addressed = messages.filter((m) => !Buffer.isBuffer(m) && m.type !== 'status') as { data: Json }[];
    expect(new Set(addressed.map(({ data }) => data.prompt_id))).toEqual(new Set([promptId]));
    expect(dataOf(messages, 'executed')).toEqual({
      node: '2',
      display_node: '2',
      output: { text: ['"fresh"'] },
      prompt_id: promptId,
    });
    expect(addressed.at(-1)!.data).toEqual({ node: null, prompt_id: promptId });
  });

  test('cached: no executing, but executed with what was shown', async () => {
    await server.run(chain('cached'));
    const { messages, history } = await server.run(chain('cached'));
    expect(story(messages)).toEqual([
      'status 1',
      'status 1',
      'execution_start',
      'execution_cached [1,2]',
      'executed 2',
      'progress_state 2 finished',
      'execution_success',
      'status 0',
      'executing null',
    ]);
    expect(dataOf(messages, 'executed').output).toEqual({ text: ['"cached"'] });
    expect(history.outputs).toEqual({ 2: { text: ['"cached"'] } });
  });

  test('partly cached: what is kept is not run, what is new is', async () => {
    await server.run(chain('part'));
    const { messages } = await server.run({
      ...chain('part'),
      3: { class_type: 'TestSink', inputs: { value: ['1', 0] } },
    });
    const lines = withoutStates(story(messages));
    expect(lines.slice(2, 4)).toEqual(['execution_start', 'execution_cached [1,2]']);
    expect(lines.slice(4, -3).toSorted()).toEqual(['executed 2', 'executing 3']);
    expect(lines.slice(-3)).toEqual(['execution_success', 'status 0', 'executing null']);
  });

  test('failing: execution_error instead of success, and executing null is the last', async () => {
    const { messages, history, promptId } = await server.run({
      1: { class_type: 'TestText', inputs: { text: 'before' } },
      2: { class_type: 'TestFail', inputs: { message: 'as asked', value: ['1', 0] } },
      3: { class_type: 'TestShow', inputs: { value: ['2', 0] } },
    });
    expect(withoutStates(story(messages))).toEqual([
      'status 1',
      'status 1',
      'execution_start',
      'execution_cached []',
      'executing 1',
      'executing 2',
      'execution_error',
      'status 0',
      'executing null',
    ]);
    const error = dataOf(messages, 'execution_error');
    expect(error).toEqual({
      prompt_id: promptId,
      node_id: '2',
      node_type: 'TestFail',
      executed: ['1'],
      exception_message: expect.stringMatching(/^as asked\n/),
      exception_type: 'TypeError',
      traceback: expect.arrayContaining([expect.any(String)]),
      current_inputs: { message: ['as asked'], value: ['before'] },
      current_outputs: expect.any(Array),
      timestamp: expect.any(Number),
    });
    expect(history.status).toEqual({
      status_str: 'error',
      completed: false,
      messages: [
        ['execution_start', dataOf(messages, 'execution_start')],
        ['execution_cached', dataOf(messages, 'execution_cached')],
        ['execution_error', error],
      ],
    });
  });

  test('interrupted: execution_interrupted names the node', async () => {
    const socket = await server.socket('interrupted');
    const path = join(server.dataDir, 'never');
    const promptId = await server.queue(
      {
        1: { class_type: 'TestUntilFile', inputs: { path } },
        2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
      },
      { client_id: 'interrupted' },
    );
    await socket.nextOf('progress');
    await server.post('/interrupt');
    expect((await socket.nextOf('execution_interrupted')).data).toEqual({
      prompt_id: promptId,
      node_id: '1',
      node_type: 'TestUntilFile',
      executed: [],
      timestamp: expect.any(Number),
    });
    expect(line(await socket.next())).toBe('status 0');
    expect(line(await socket.next())).toBe('executing null');
    const { status, outputs } = (await server.get(`/history/${promptId}`))[promptId];
    expect(status).toMatchObject({ status_str: 'error', completed: false });
    expect(status.messages.map(([type]: Json) => type)).toEqual([
      'execution_start',
      'execution_cached',
      'execution_interrupted',
    ]);
    expect(outputs).toEqual({});
    await socket.close();
  });

  test.each([
    ['silently', '', ['executing 1', 'executing 2']],
    ['with a message', 'not today', ['executing 1', 'executing 2', 'execution_error']],
  ])('blocked %s: what hangs on it does not run, and the prompt succeeds', async (_, message, expected) => {
    const { messages, history } = await server.run({
      1: { class_type: 'TestBlock', inputs: { message } },
      2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
    });
    expect(withoutStates(story(messages)).slice(4, -3)).toEqual(expected);
    expect(story(messages).slice(-3)).toEqual(['execution_success', 'status 0', 'executing null']);
    if (message) {
      const { exception_type, exception_message, traceback, current_inputs } = dataOf(messages, 'execution_error');
      expect({ exception_type, traceback, current_inputs }).toEqual({
        exception_type: 'ExecutionBlocked',
        traceback: [],
        current_inputs: [],
      });
      expect(exception_message).toContain('Execution Blocked: not today');
    }
    expect(history.status).toMatchObject({ status_str: 'success', completed: true });
    expect(history.status.messages.map(([type]: Json) => type)).not.toContain('execution_error');
  });

  test('progress and previews come between executing and executed', async () => {
    const graph = { 1: { class_type: 'TestPreview', inputs: { count: 1 } } };
    const { messages } = await server.run(graph, { extra_data: { preview_method: 'auto' } });
    const lines = withoutStates(story(messages)).slice(4, -3);
    expect([lines[0], lines.at(-1)]).toEqual(['executing 1', 'executed 1']);
    expect(lines.slice(1, -1).toSorted()).toEqual(['binary 1', 'binary 3', 'progress 1 1/1']);
  });

  test('an expanded node: its inner nodes are named, and shown at the node of the prompt', async () => {
    const { messages, history } = await server.run({
      1: { class_type: 'TestExpand', inputs: { a: 20, b: 22 } },
      2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
    });
    const executing = messages.flatMap((m) => (!Buffer.isBuffer(m) && m.type === 'executing' ? [m.data] : []));
    expect(executing.slice(0, -1).map(({ node, display_node }) => [node, display_node])).toEqual([
      ['1', '1'],
      ['1.0.0.sum', '1'],
      ['1.0.0.show', '1'],
      ['2', '2'],
    ]);
    expect(history.outputs).toEqual({ '1.0.0.show': { text: ['42'] }, 2: { text: ['42'] } });
    expect(history.meta['1.0.0.show']).toEqual({
      node_id: '1.0.0.show',
      display_node: '1',
      parent_node: '1',
      real_node_id: '1',
    });
  });

  test('an error inside an expansion names the node of the prompt', async () => {
    const { messages } = await server.run({
      1: { class_type: 'TestExpand', inputs: { a: 1, b: 1, fail: true } },
      2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
    });
    expect(dataOf(messages, 'execution_error')).toMatchObject({ node_id: '1', exception_type: 'TypeError' });
  });

  test('a node that shows something without being an output is announced again when it is cached', async () => {
    const graph = {
      1: { class_type: 'TestText', inputs: { text: 'peek' } },
      2: { class_type: 'TestPeek', inputs: { value: ['1', 0] } },
      3: { class_type: 'TestSink', inputs: { value: ['2', 0] } },
    };
    const first = await server.run(graph);
    const second = await server.run(graph);
    expect(withoutStates(story(first.messages))).toContain('executed 2');
    expect(withoutStates(story(second.messages)).slice(-4)).toEqual([
      'executed 2',
      'execution_success',
      'status 0',
      'executing null',
    ]);
    expect(second.history.outputs).toEqual({ 2: { text: ['peek "peek"'] } });
  });

  test('a lazy input that is not needed does not run; the node is executing twice', async () => {
    const { messages, history } = await server.run({
      1: { class_type: 'TestLazy', inputs: { second: true, a: ['2', 0], b: ['3', 0] } },
      2: { class_type: 'TestFail', inputs: {} },
      3: { class_type: 'TestText', inputs: { text: 'needed' } },
      4: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
    });
    expect(story(messages).filter((l) => l.startsWith('executing'))).toEqual([
      'executing 1',
      'executing 3',
      'executing 1',
      'executing 4',
      'executing null',
    ]);
    expect(history.outputs).toEqual({ 4: { text: ['"needed"'] } });
  });

  test('prompts of one client: nothing of the first comes after its executing null', async () => {
    const socket = await server.socket('two');
    const extra = { client_id: 'two' };
    const first = await server.queue(chain('first of two'), extra);
    const second = await server.queue(
      { 1: { class_type: 'TestFail', inputs: {} }, 2: { class_type: 'TestSink', inputs: { value: ['1', 0] } } },
      extra,
    );
    const heard: Json[] = [];
    for (let message = await socket.next(); ; message = await socket.next()) {
      if (Buffer.isBuffer(message) || message.type === 'status') continue;
      heard.push(message);
      if (message.data.node === null && message.data.prompt_id === second) break;
    }
    const owners = heard.map(({ data }) => data.prompt_id);
    expect(owners).toEqual([...owners.filter((id) => id === first), ...owners.filter((id) => id === second)]);
    await socket.close();
  });
});

test('at every status the prompt is in the queue or in the history', async () => {
  const socket = await server.socket('rule-1');
  const promptId = await server.queue(
    { 1: { class_type: 'TestPreview', inputs: { count: 3, ms: 5 } } },
    { client_id: 'rule-1' },
  );
  for (;;) {
    const message = await socket.next();
    if (Buffer.isBuffer(message)) continue;
    if (message.type === 'executing' && message.data.node === null) break;
    if (message.type !== 'status') continue;
    const { queue_running, queue_pending } = await server.get('/queue');
    const queued = [...queue_running, ...queue_pending].some(([, id]: Json) => id === promptId);
    if (!queued) expect(Object.keys(await server.get(`/history/${promptId}`))).toEqual([promptId]);
  }
  await socket.close();
});

test('the 200 of /prompt is there before the first message of the prompt', async () => {
  const socket = await server.socket('rule-3');
  for (let round = 0; round < 5; round++) {
    await server.queue({ 1: { class_type: 'TestPid', inputs: {} } }, { client_id: 'rule-3' });
    expect(story(socket.waiting).filter((l) => !l.startsWith('status'))).toEqual([]);
    while (line(await socket.next()) !== 'executing null');
  }
  await socket.close();
});

test('a prompt without client_id: all hear its progress and previews, nobody the rest; the history has it all', async () => {
  const socket = await server.socket('bystander');
  const graph = { 1: { class_type: 'TestPreview', inputs: { count: 1 } } };
  const promptId = await server.queue(graph, { extra_data: { preview_method: 'auto' } });
  const history = await server.ended(promptId);
  // The status that follows the history is the last message.
  const heard: string[] = [];
  while (heard.at(-1) !== 'status 0') heard.push(line(await socket.next()));
  expect(new Set(heard)).toEqual(
    new Set([
      'status 1',
      'progress_state 1 running',
      'progress 1 1/1',
      'binary 1',
      'binary 3',
      'progress_state 1 finished',
      'status 0',
    ]),
  );
  expect(history.status.messages.map(([type]: Json) => type)).toEqual([
    'execution_start',
    'execution_cached',
    'execution_success',
  ]);
  await socket.close();
});

test('another client hears nothing of a prompt but status', async () => {
  const other = await server.socket('other');
  await server.run(chain('for one client'));
  while (line(await other.next()) !== 'status 0');
  expect(other.waiting).toEqual([]);
  await other.close();
});

test('who comes back while its prompt runs is told how it began, how far it is and the current node, and hears the rest', async () => {
  const path = join(server.dataDir, 'go on');
  const graph = {
    1: { class_type: 'TestUntilFile', inputs: { path } },
    2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
  };
  const before = await server.socket('returning');
  const promptId = await server.queue(graph, { client_id: 'returning' });
  const start = await before.nextOf('execution_start');
  await before.nextOf('progress');
  await before.close();
  // socket() has taken the status.
  const after = await server.socket('returning');
  expect(await after.next()).toEqual(start);
  expect(await after.next()).toMatchObject({
    type: 'progress_state',
    data: { prompt_id: promptId, nodes: { 1: { state: 'running', max: 100 } } },
  });
  expect(await after.next()).toEqual({ type: 'executing', data: { node: '1' } });
  const bystander = await server.socket('somebody else');
  expect(bystander.waiting).toEqual([]);
  await bystander.close();
  writeFileSync(path, '');
  expect((await after.nextOf('executed')).data.node).toBe('2');
  await after.nextOf('execution_success');
  expect(line(await after.next())).toBe('status 0');
  expect(line(await after.next())).toBe('executing null');
  await after.close();
});

/** Types of the binary frames that a client gets for a prompt. */
async function framesOf(
  on: TestServer,
  { flags, extraData }: { flags?: object; extraData?: object },
): Promise<number[]> {
  const socket = await on.socket('frames');
  if (flags) {
    socket.ws.send(JSON.stringify({ type: 'feature_flags', data: flags }));
    await socket.nextOf('feature_flags');
  }
  await on.queue(
    { 1: { class_type: 'TestPreview', inputs: { count: 1 } } },
    { client_id: 'frames', ...(extraData && { extra_data: extraData }) },
  );
  const types: number[] = [];
  for (let message = await socket.next(); line(message) !== 'executing null'; message = await socket.next())
    if (Buffer.isBuffer(message)) types.push(message.readUInt32BE(0));
  await socket.close();
  return types.sort();
}

test.each([
  ['says nothing', {}, []],
  ['says what it supports', { flags: {} }, [1, 3]],
  ['supports metadata', { flags: { supports_preview_metadata: true } }, [3, 4]],
  ['asks for previews with its prompt', { extraData: { preview_method: 'latent2rgb' } }, [1, 3]],
  ['leaves it to the server', { extraData: { preview_method: 'default' } }, []],
  ['wants none, though it says what it supports', { flags: {}, extraData: { preview_method: 'none' } }, [3]],
])('a client that %s gets binary frames accordingly', async (_, how, types) => {
  expect(await framesOf(server, how)).toEqual(types);
});

test('with another --preview-method, clients that say nothing get previews and text, too', async () => {
  const showing = await startTestServer({ previewMethod: 'auto' });
  try {
    expect(await framesOf(showing, {})).toEqual([1, 3]);
    expect(await framesOf(showing, { extraData: { preview_method: 'none' } })).toEqual([]);
  } finally {
    await showing.close();
  }
});

test('who negotiated it gets previews with their source', async () => {
  const socket = await server.socket('modern');
  socket.ws.send(JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } }));
  expect((await socket.nextOf('feature_flags')).data).toEqual(await server.get('/features'));
  const promptId = await server.queue(
    { 7: { class_type: 'TestPreview', inputs: { count: 1 } } },
    { client_id: 'modern' },
  );
  const frames: Buffer[] = [];
  for (let message = await socket.next(); line(message) !== 'executing null'; message = await socket.next())
    if (Buffer.isBuffer(message)) frames.push(message);
  const types = frames.map((frame) => frame.readUInt32BE(0));
  expect(types.toSorted()).toEqual([3, 4]);
  const frame = frames[types.indexOf(4)];
  const end = 8 + frame.readUInt32BE(4);
  expect(JSON.parse(frame.toString('utf8', 8, end))).toEqual({
    node_id: '7',
    prompt_id: promptId,
    display_node_id: '7',
    parent_node_id: null,
    real_node_id: '7',
    image_type: 'image/jpeg',
  });
  expect(frame.subarray(end, end + 3)).toEqual(Buffer.from([0xff, 0xd8, 0xff]));
  await socket.close();
});

test('two equal Save Image nodes write one file, and both show it', async () => {
  const prompt = {
    1: { class_type: 'LoadImage', inputs: { image: 'tiger.png' } },
    2: { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'equal/same' } },
    3: { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'equal/same' } },
  };
  const { history } = await server.run(prompt);
  const { 2: first, 3: second } = history.outputs;
  expect(first.images).toMatchObject([{ filename: 'same_00001_.png', subfolder: 'equal' }]);
  expect(second).toEqual(first);
  expect(readdirSync(join(server.dataDir, 'output/equal'))).toEqual(['same_00001_.png']);
});
