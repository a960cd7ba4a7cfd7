// What is run again and what is found (protocol: Interrupt and free; Cached results).
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { port, string } from '../../../nodes/define-node.ts';
import type { CacheMode } from '../../../server/executor/result-cache.ts';
import { createBench, link, node, stub } from './graph-builder.ts';

const chain = (value: unknown, [a, b, c] = ['1', '2', '3']) => ({
  [a]: node('Value', { value }),
  [b]: node('Join', { a: link(a), b: '!' }),
  [c]: node('Show', { value: link(b) }),
});

test('a graph with other ids keeps its results', async () => {
  const bench = createBench();
  await bench.run(chain('x'));
  const renamed = await bench.run(chain('x', ['c', 'a', 'b']));
  expect(renamed.calls).toEqual([]);
  expect(renamed.shown('b')).toEqual(['x!']);
  expect(renamed.outcome.meta).toEqual({
    b: { node_id: 'b', display_node: 'b', parent_node: null, real_node_id: 'b' },
  });
});

test('a changed literal runs its node and what follows; two equal nodes of a prompt run once', async () => {
  const bench = createBench();
  const graph = (times: number) => ({
    1: node('Value', { value: 'x' }),
    2: node('Join', { a: link('1'), times }),
    3: node('Show', { value: link('2') }),
    4: node('Value', { value: 'x' }),
    5: node('Show', { value: link('4') }),
  });
  expect((await bench.run(graph(1))).calls.filter((id) => id === '1' || id === '4')).toHaveLength(1);
  expect((await bench.run(graph(2))).calls).toEqual(['2', '3']);
});

test('undeclared inputs count, though they are not passed', async () => {
  const bench = createBench();
  await bench.run(chain('x'));
  const { calls } = await bench.run({ ...chain('x'), 2: node('Join', { a: link('1'), b: '!', extra: 1 }) });
  expect(calls).toEqual(['2', '3']);
});

test.each([
  ['NaN', () => Number.NaN],
  ['NaN in a list', () => [Number.NaN]],
  ['an exception', () => Promise.reject(new Error('gone'))],
  ['a value that cannot be hashed', () => () => 1],
])('a fingerprint that is %s runs the node and what follows again', async (_, fingerprint) => {
  const bench = createBench([stub('Fresh', { outputs: { out: port('*') }, fingerprint, run: () => ({ out: 1 }) })]);
  const graph = { 1: node('Fresh'), 2: node('Show', { value: link('1') }) };
  await bench.run(graph);
  expect((await bench.run(graph)).calls).toEqual(['1', '2']);
});

test('a fingerprint sees literals only; the node runs again when it changes', async () => {
  let version = 1;
  const seen: unknown[] = [];
  const bench = createBench([
    stub('File', {
      inputs: { name: string(), other: port('*') },
      outputs: { out: port('*') },
      fingerprint: (literals) => {
        seen.push(literals);
        return version;
      },
      run: () => ({ out: version }),
    }),
  ]);
  const graph = {
    0: node('Value', { value: 'v' }),
    1: node('File', { name: 'a', other: link('0') }),
    2: node('Show', { value: link('1') }),
  };
  await bench.run(graph);
  expect((await bench.run(graph)).calls).toEqual([]);
  version = 2;
  expect((await bench.run(graph)).shown('2')).toEqual([2]);
  expect(seen[0]).toEqual({ name: 'a' });
});

test.each([
  ['not idempotent', { notIdempotent: true }],
  ['asking for its id', { hidden: { id: 'UNIQUE_ID' } }],
] as const)('a node that is %s shares no result with another id', async (_, spec) => {
  const bench = createBench([stub('Own', { ...spec, outputNode: true, run: () => ({}) })]);
  expect((await bench.run({ 1: node('Own'), 2: node('Own') })).calls).toEqual(['1', '2']);
  expect((await bench.run({ 1: node('Own') })).calls).toEqual([]);
  expect((await bench.run({ 3: node('Own') })).calls).toEqual(['3']);
});

test.each<[string, CacheMode, string[][]]>([
  [
    'classic forgets what the prompt between did not use',
    'classic',
    [
      ['1', '2', '3'],
      ['1', '2', '3'],
      ['1', '2', '3'],
    ],
  ],
  ['lru remembers', { lru: 100 }, [['1', '2', '3'], ['1', '2', '3'], []]],
  [
    'none never finds anything',
    'none',
    [
      ['1', '2', '3'],
      ['1', '2', '3'],
      ['1', '2', '3'],
    ],
  ],
])('cached results, %s', async (_, cache, expected) => {
  const bench = createBench([], cache);
  const calls = [];
  for (const value of ['x', 'y', 'x']) calls.push((await bench.run(chain(value))).calls);
  expect(calls).toEqual(expected);
});

test('nodes that no root needs keep their results in classic', async () => {
  const bench = createBench();
  const graph = { ...chain('x'), ...chain('y', ['4', '5', '6']) };
  await bench.run(graph);
  await bench.run(graph, { roots: ['3'] });
  expect((await bench.run(graph)).calls).toEqual([]);
});

test('free forgets results', async () => {
  const bench = createBench();
  await bench.run(chain('x'));
  bench.executor.free({ freeMemory: false });
  expect((await bench.run(chain('x'))).calls).toEqual([]);
  bench.executor.free({ freeMemory: true });
  expect((await bench.run(chain('x'))).calls).toEqual(['1', '2', '3']);
});

test('without a cache a result is dropped as soon as nothing needs it', async () => {
  const refs: WeakRef<object>[] = [];
  const alive: number[] = [];
  const { outcome } = await createBench(
    [
      stub('Big', {
        inputs: { a: port('*') },
        outputs: { out: port('*') },
        run: async () => {
          const out = { data: new Float32Array(1000) };
          refs.push(new WeakRef(out));
          await collect();
          alive.push(refs.filter((r) => r.deref()).length);
          return { out };
        },
      }),
    ],
    'none',
  ).run({
    0: node('Big', { a: 1 }),
    ...Object.fromEntries([1, 2, 3, 4, 5].map((i) => [i, node('Big', { a: link(`${i - 1}`) })])),
    6: node('Show', { value: link('5') }),
  });
  expect(outcome.status).toBe('success');
  expect(Math.max(...alive)).toBeLessThanOrEqual(3);
});

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

async function collect(): Promise<void> {
  await new Promise(setImmediate);
  gc();
}
