// Events of one prompt, in order (protocol: Order of events; Addressing of events; Binary frames; Interrupt and free), and how it may end.
import { NodeResult, port } from '../../../nodes/define-node.ts';
import { executionMessages } from '../../../schemas/events.ts';
import { createBench, link, node, stub } from './graph-builder.ts';

const pair = { 1: node('Value', { value: 'x' }), 2: node('Show', { value: link('1') }) };

test('the events of a prompt that is run for the first time', async () => {
  const { story, outcome } = await createBench().run(pair);
  expect(story).toEqual([
    'execution_start',
    'execution_cached',
    'state 1 running',
    'executing 1',
    'state 1 finished',
    'state 2 running',
    'executing 2',
    'executed 2',
    'state 2 finished',
    'execution_success',
  ]);
  expect(outcome.status).toBe('success');
  expect(outcome.outputs).toEqual({ 2: { text: ['x'] } });
  expect(outcome.meta).toEqual({ 2: { node_id: '2', display_node: '2', parent_node: null, real_node_id: '2' } });
  expect(outcome.messages.map(([type]) => type)).toEqual(['execution_start', 'execution_cached', 'execution_success']);
});

test('every event has the shape of its schema', async () => {
  const { events } = await createBench().run(pair);
  for (const { type, data } of events) expect(executionMessages[type as 'executed'].parse(data)).toEqual(data);
});

test('a cached output node is announced with what it showed, and is not executing', async () => {
  const bench = createBench();
  await bench.run(pair);
  const again = await bench.run(pair);
  expect(again.calls).toEqual([]);
  expect(again.story).toEqual([
    'execution_start',
    'execution_cached 1,2',
    'executed 2',
    'state 2 finished',
    'execution_success',
  ]);
  expect(again.shown('2')).toEqual(['x']);
  expect(again.outcome.meta['2']).toMatchObject({ node_id: '2' });
});

test('a cached output node without anything to show is announced with null', async () => {
  const bench = createBench([stub('Silent', { outputNode: true, run: () => ({}) })]);
  await bench.run({ 1: node('Silent') });
  const { data, outcome } = await bench.run({ 1: node('Silent') });
  expect(data('executed')).toMatchObject([{ node: '1', output: null }]);
  expect(outcome.outputs).toEqual({});
});

test('a cached node with intermediate output is announced anew just before the success', async () => {
  const bench = createBench([
    stub('Search', {
      hasIntermediateOutput: true,
      outputs: { out: port('*') },
      run: () => new NodeResult({ outputs: { out: 'found' }, ui: { text: ['a plot'] } }),
    }),
  ]);
  const graph = (times: number) => ({
    1: node('Search'),
    2: node('Join', { a: link('1'), times }),
    3: node('Show', { value: link('2') }),
  });
  await bench.run(graph(1));
  const { calls, story, outcome } = await bench.run(graph(2));
  expect(calls).toEqual(['2', '3']);
  expect(story.slice(-2)).toEqual(['executed 1', 'execution_success']);
  expect(outcome.outputs).toEqual({ 1: { text: ['a plot'] }, 3: { text: ['foundfound'] } });
});

test('a failing node gives execution_error with what it was given, and the cause', async () => {
  const big = { shape: [1, 512, 512, 3], data: new Float32Array(8) };
  const { outcome, data, story } = await createBench([
    stub('Image', { outputs: { image: port('IMAGE') }, run: () => ({ image: big }) }),
    stub('Fail', {
      inputs: { image: port('IMAGE'), text: port('STRING') },
      outputNode: true,
      run: () => {
        throw Object.assign(new Error('It is no picture.'), { name: 'InputError', code: 'IMAGE_UNREADABLE' });
      },
    }),
  ]).run({ 1: node('Image'), 2: node('Fail', { image: link('1'), text: 'hello' }) });
  expect(outcome.status).toBe('error');
  const [error] = data('execution_error');
  expect(error).toMatchObject({
    prompt_id: 'p1',
    node_id: '2',
    node_type: 'Fail',
    executed: ['1'],
    exception_message: 'It is no picture.\n',
    exception_type: 'IMAGE_UNREADABLE',
    current_inputs: { image: ['IMAGE [1, 512, 512, 3]'], text: ['hello'] },
    current_outputs: ['1'],
  });
  expect(error.traceback.length).toBeGreaterThan(1);
  expect(outcome.messages.at(-1)).toEqual(['execution_error', error]);
  expect(story.slice(-2)).toEqual(['state 2 error', 'execution_error']);
});

test('after an error the next prompt finds what the failed one had finished', async () => {
  const bench = createBench([
    stub('Fail', { inputs: { a: port('*') }, outputNode: true, run: () => Promise.reject(1) }),
  ]);
  const graph = { 1: node('Value', { value: 'x' }), 2: node('Fail', { a: link('1') }) };
  expect((await bench.run(graph)).data('execution_error')[0].exception_message).toBe('1\n');
  expect((await bench.run(graph)).cached).toEqual(['1']);
});

test('progress comes between executing and finished; a fast loop is throttled, first and last always pass', async () => {
  const { story, data } = await createBench([
    stub('Busy', {
      outputNode: true,
      run: (_, { progress }) => {
        for (let i = 1; i <= 5000; i++) progress(i, 5000);
        return {};
      },
    }),
  ]).run({ 1: node('Busy') });
  expect(story.slice(2, 6)).toEqual(['state 1 running', 'executing 1', 'state 1 running 1/5000', 'progress 1/5000']);
  expect(story.slice(-3)).toEqual(['progress 5000/5000', 'state 1 finished', 'execution_success']);
  expect(data('progress').length).toBeLessThan(100);
});

test('previews and text name their node; the newest that was held back is not lost', async () => {
  const { events } = await createBench([
    stub('Draw', {
      outputNode: true,
      run: (_, { preview, text }) => {
        for (let i = 1; i <= 9; i++) {
          preview({ bytes: Uint8Array.of(i), imageType: 'image/png' });
          text(`line ${i}`);
        }
        return {};
      },
    }),
  ]).run({ 1: node('Draw') });
  const previews = events.flatMap((e) => (e.type === 'preview' ? [e.data] : []));
  expect(previews[0]).toMatchObject({ node_id: '1', prompt_id: 'p1', display_node_id: '1', image_type: 'image/png' });
  expect(previews.at(-1)?.bytes).toEqual(Uint8Array.of(9));
  expect(events.flatMap((e) => (e.type === 'text' ? [e.data.text] : [])).at(-1)).toBe('line 9');
});

test('an interrupt ends the prompt before its next node, and the next prompt runs', async () => {
  const abort = new AbortController();
  const bench = createBench();
  const first = await bench.run(pair, {
    signal: abort.signal,
    onEvent: (e) => e.type === 'progress_state' && e.data.nodes[1]?.state === 'finished' && abort.abort(),
  });
  expect(first.calls).toEqual(['1']);
  expect(first.outcome.status).toBe('interrupted');
  expect(first.data('execution_interrupted')).toMatchObject([{ node_id: '2', node_type: 'Show', executed: ['1'] }]);
  expect(first.outcome.messages.at(-1)?.[0]).toBe('execution_interrupted');
  expect((await bench.run(pair)).outcome.status).toBe('success');
});

test('an interrupt is seen at a progress tick, and what a node gives in spite of it is not kept', async () => {
  const abort = new AbortController();
  const bench = createBench([
    stub('Steps', {
      outputNode: true,
      run: (_, { progress }) => {
        for (let i = 0; ; i++) {
          if (i === 3) abort.abort();
          progress(i, 100);
        }
      },
    }),
    stub('Partial', {
      outputNode: true,
      run: () => {
        abort2.abort();
        return {};
      },
    }),
  ]);
  const abort2 = new AbortController();
  expect((await bench.run({ 1: node('Steps') }, { signal: abort.signal })).outcome.status).toBe('interrupted');
  const partial = await bench.run({ 1: node('Partial') }, { signal: abort2.signal });
  expect(partial.outcome.status).toBe('interrupted');
  expect((await bench.run({ 1: node('Partial') }, { signal: new AbortController().signal })).cached).toEqual([]);
});

test('ids and names such as __proto__ are ids and names', async () => {
  const prompt = JSON.parse(
    '{"__proto__":{"class_type":"Value","inputs":{"value":"x","__proto__":1}},"constructor":{"class_type":"Show","inputs":{"value":["__proto__",0]}}}',
  );
  const { outcome, data } = await createBench().run(prompt);
  expect(outcome.outputs).toEqual({ constructor: { text: ['x'] } });
  expect(Object.keys(data('progress_state').at(-1)!.nodes)).toEqual(['__proto__', 'constructor']);
});
