// Nodes that put a graph in their place, blockers, and cycles that only a run can see (protocol: Expansion; Blockers; Cycles).
import { Blocker, list, NodeResult, port, string } from '../../../nodes/define-node.ts';
import { createBench, link, node, stub } from './graph-builder.ts';

/** Repeats: text → a chain of Join nodes, one per count, and a Show beside it. */
const expander = stub('Expand', {
  inputs: { text: string(), count: port('INT') },
  hidden: { id: 'UNIQUE_ID' },
  outputs: { out: port('*') },
  run: ({ text, count, id }) => {
    const graph: Record<string, ReturnType<typeof node>> = { [`${id}.0`]: node('Value', { value: text }) };
    for (let i = 1; i <= Number(count); i++) graph[`${id}.${i}`] = node('Join', { a: link(`${id}.${i - 1}`), b: i });
    graph[`${id}.show`] = node('Show', { value: link(`${id}.0`) });
    return new NodeResult({ outputs: { out: link(`${id}.${count}`) }, expand: graph });
  },
});
const graph = (count: number, text = 'x') => ({
  1: node('Expand', { text, count }),
  2: node('Show', { value: link('1') }),
});

test('the expansion runs in place of its node, output nodes inside it too; links are resolved afterwards', async () => {
  const ran = await createBench([expander]).run(graph(2));
  expect(ran.shown('2')).toEqual(['x12']);
  expect(ran.calls[0]).toBe('1');
  expect(new Set(ran.calls)).toEqual(new Set(['1', '1.0', '1.show', '1.1', '1.2', '2']));
  expect(ran.outcome.meta['1.show']).toEqual({
    node_id: '1.show',
    display_node: '1',
    parent_node: '1',
    real_node_id: '1',
  });
  expect(ran.data('executing')).toContainEqual({ node: '1.0', display_node: '1', prompt_id: 'p1' });
  expect(ran.data('progress_state').at(-1)!.nodes['1.1']).toMatchObject({
    display_node_id: '1',
    parent_node_id: '1',
    real_node_id: '1',
    state: 'finished',
  });
  expect(ran.data('executing').filter((e) => e.node === '1')).toHaveLength(1);
});

test('the expanded node is cached; expanded anew, it finds what stayed the same inside', async () => {
  const bench = createBench([expander]);
  await bench.run(graph(2));
  expect((await bench.run(graph(2))).calls).toEqual([]);
  const longer = await bench.run(graph(3));
  expect(longer.calls).toEqual(['1', '1.3', '2']);
  expect(longer.shown('2')).toEqual(['x123']);
  expect(longer.outcome.outputs['1.show']).toEqual({ text: ['x'] });
});

test('what an earlier expansion left and the newest did not use is forgotten', async () => {
  const bench = createBench([expander]);
  await bench.run(graph(1, 'x'));
  await bench.run(graph(1, 'y'));
  const back = await bench.run(graph(1, 'x'));
  expect(new Set(back.calls)).toEqual(new Set(['1', '1.0', '1.1', '1.show', '2']));
});

test('every call of a mapped node may expand; lists pass through links', async () => {
  const { shown } = await createBench([
    stub('Each', {
      inputs: { a: port('*') },
      outputs: { out: list(port('*')) },
      run: ({ a }) =>
        new NodeResult({
          outputs: { out: link(`each.${a}`) as unknown as unknown[] },
          expand: { [`each.${a}`]: node('Split', { text: `${a},${a}${a}` }) },
        }),
    }),
  ]).run({
    1: node('Split', { text: 'p,q' }),
    2: node('Each', { a: link('1') }),
    3: node('Show', { value: link('2') }),
  });
  expect(shown('3')).toEqual(['p', 'pp', 'q', 'qq']);
});

test('an error inside names the node of the prompt', async () => {
  const { data, outcome } = await createBench([
    stub('Bad', { outputs: { out: port('*') }, run: () => Promise.reject(new TypeError('no')) }),
    stub('Outer', {
      outputs: { out: port('*') },
      run: () => new NodeResult({ outputs: { out: link('in') }, expand: { in: node('Bad') } }),
    }),
  ]).run({ 1: node('Outer'), 2: node('Show', { value: link('1') }) });
  expect(outcome.status).toBe('error');
  expect(data('execution_error')).toMatchObject([{ node_id: '1', node_type: 'Outer', exception_type: 'TypeError' }]);
});

test.each([
  ['an id that is taken', { 2: node('Value', { value: 1 }) }, /duplicate node 2/],
  ['an unknown class', { x: node('Nonsense') }, /unknown class Nonsense/],
  ['a link to nowhere', { x: node('Show', { value: link('zzz') }) }, /links to node zzz, which does not exist/],
])('%s in an expansion is an error', async (_, expand, message) => {
  const { data } = await createBench([
    stub('Outer', { outputs: { out: port('*') }, run: () => new NodeResult({ outputs: { out: 1 }, expand }) }),
  ]).run({ 1: node('Outer'), 2: node('Show', { value: link('1') }) });
  expect(data('execution_error')[0].exception_message).toMatch(message);
});

test('expansions without end reach a limit', async () => {
  const { data } = await createBench([
    stub('Again', {
      hidden: { id: 'UNIQUE_ID' },
      outputs: { out: port('*') },
      run: ({ id }) => new NodeResult({ outputs: { out: link(`${id}.`) }, expand: { [`${id}.`]: node('Again') } }),
    }),
  ]).run({ 1: node('Again'), 2: node('Show', { value: link('1') }) });
  expect(data('execution_error')[0].exception_message).toMatch(/the limit is reached/);
});

test('a cycle made by an expansion is an error, not a hang', async () => {
  const { data, outcome } = await createBench([
    stub('Loop', {
      outputs: { out: port('*') },
      run: () =>
        new NodeResult({
          outputs: { out: link('a') },
          expand: { a: node('Join', { a: link('b') }), b: node('Join', { a: link('a') }) },
        }),
    }),
  ]).run({ 1: node('Loop'), 2: node('Show', { value: link('1') }) });
  expect(outcome.status).toBe('error');
  expect(data('execution_error')[0]).toMatchObject({
    exception_type: 'graph.DependencyCycleError',
    node_id: '1',
    exception_message: expect.stringContaining('Dependency cycle detected'),
  });
});

test('what hangs on a silent blocker is skipped, the rest runs', async () => {
  const { calls, outcome, data } = await createBench().run({
    1: node('Block'),
    2: node('Join', { a: link('1') }),
    3: node('Show', { value: link('2') }),
    4: node('Show', { value: 'x' }),
  });
  expect(new Set(calls)).toEqual(new Set(['1', '4']));
  expect(outcome.status).toBe('success');
  expect(outcome.outputs).toEqual({ 4: { text: ['x'] } });
  expect(data('execution_error')).toEqual([]);
});

test('a blocker with a message tells it once; the prompt succeeds and history is silent', async () => {
  const { outcome, data } = await createBench().run({
    1: node('Block', { message: 'no licence' }),
    2: node('Join', { a: link('1') }),
    3: node('Show', { value: link('2') }),
  });
  expect(data('execution_error')).toEqual([
    {
      prompt_id: 'p1',
      node_id: '2',
      node_type: 'Join',
      executed: ['1'],
      exception_message: 'Execution Blocked: no licence',
      exception_type: 'ExecutionBlocked',
      traceback: [],
      current_inputs: [],
      current_outputs: [],
    },
  ]);
  expect(outcome.status).toBe('success');
  expect(outcome.messages.map(([type]) => type)).not.toContain('execution_error');
});

test('in a list only the blocked element is skipped; a node may block all its outputs', async () => {
  const { shown } = await createBench([
    stub('Odd', {
      inputs: { a: port('*') },
      outputs: { out: port('*') },
      run: ({ a }) => (a === 'b' ? new Blocker() : { out: a }),
    }),
  ]).run({
    1: node('Split', { text: 'a,b,c' }),
    2: node('Odd', { a: link('1') }),
    3: node('Show', { value: link('2') }),
  });
  expect(shown('3')).toEqual(['a', 'c']);
});
