// A node runs once a prompt: equal nodes share a run, and rounds of a loop share what is outside of it (protocol: Cached results; Expansion).
import { NodeResult, port, string } from '../../../nodes/define-node.ts';
import type { CacheMode } from '../../../server/executor/result-cache.ts';
import { createBench, link, node, stub } from './graph-builder.ts';

/** A loop of `rounds` rounds; each links to the node `outside`, and to the round before. */
const loop = stub('Loop', {
  inputs: { rounds: port('INT'), outside: string(), before: port('*') },
  hidden: { id: 'UNIQUE_ID' },
  outputs: { out: port('*') },
  run: ({ rounds, outside, before, id }) => {
    if (rounds === 0) return { out: before };
    return new NodeResult({
      outputs: { out: link(`${id}.next`) },
      expand: {
        [`${id}.body`]: node('Join', { a: before, b: link(outside as string) }),
        [`${id}.next`]: node('Loop', { rounds: (rounds as number) - 1, outside, before: link(`${id}.body`) }),
      },
    });
  },
});
const fresh = (fingerprint?: () => unknown) => {
  let runs = 0;
  return stub('Fresh', { outputs: { out: port('*') }, fingerprint, run: () => ({ out: ++runs }) });
};
const modes: [CacheMode][] = [['classic'], ['none'], [{ lru: 1 }], [{ lru: 100 }]];

test.each(
  modes.flatMap(([mode]) => [
    [mode, 'that can be cached', undefined],
    [mode, 'that cannot be cached', () => Number.NaN],
  ]) as [CacheMode, string, () => unknown][],
)(
  'cache %p: a node %s runs once, however many rounds of a loop use it, and is announced once',
  async (mode, _, fingerprint) => {
    const ran = await createBench([loop, fresh(fingerprint)], mode).run({
      outside: node('Fresh'),
      first: node('Show', { value: link('outside') }),
      start: node('Value', { value: '>' }),
      loop: node('Loop', { rounds: 3, outside: 'outside', before: link('start') }),
      end: node('Show', { value: link('loop') }),
    });
    expect(ran.outcome.status).toBe('success');
    expect(ran.shown('end')).toEqual(['>111']);
    expect(ran.calls.filter((id) => id === 'outside')).toHaveLength(1);
    expect(ran.story.filter((event) => /(executing|executed|state) outside/.test(event))).toEqual([
      'state outside running',
      'executing outside',
      'state outside finished',
    ]);
  },
);

/** An output node that shows how often its class has run, after a while. */
const slow = (spec: object = {}) => {
  let runs = 0;
  return stub('Slow', {
    inputs: { a: port('*') },
    outputNode: true,
    ...spec,
    run: async () => {
      const text = `run ${++runs}`;
      await new Promise(setImmediate);
      return new NodeResult({ outputs: {}, ui: { text: [text] } });
    },
  });
};

test.each(modes)('cache %p: two equal nodes of a prompt share a run, and both show what came of it', async (mode) => {
  const { calls, shown, outcome, data } = await createBench([slow()], mode).run({
    1: node('Value', { value: 'x' }),
    2: node('Slow', { a: link('1') }),
    3: node('Slow', { a: link('1') }),
    4: node('Slow', { a: 'x' }),
  });
  expect(outcome.status).toBe('success');
  expect(calls.filter((id) => id === '2' || id === '3')).toHaveLength(1);
  expect([shown('2'), shown('3')]).toEqual([shown('2'), shown('2')]);
  expect(shown('4')).not.toEqual(shown('2'));
  expect(Object.keys(outcome.meta)).toEqual(expect.arrayContaining(['2', '3', '4']));
  expect(
    data('executed')
      .map((e) => e.node)
      .sort(),
  ).toEqual(['2', '3', '4']);
  expect(data('executing').filter((e) => e.node === '2' || e.node === '3')).toHaveLength(1);
});

test('nodes that are not idempotent, or cannot be cached, share no run', async () => {
  for (const spec of [{ notIdempotent: true }, { fingerprint: () => Number.NaN }]) {
    const { calls } = await createBench([slow(spec)]).run({ 1: node('Slow', { a: 1 }), 2: node('Slow', { a: 1 }) });
    expect(calls.toSorted()).toEqual(['1', '2']);
  }
});

test('equal nodes that ask for lazy inputs, or expand, do not wait for each other', async () => {
  const bench = createBench([
    stub('Twin', {
      inputs: { a: port('*', { lazy: true }) },
      outputs: { out: port('*') },
      checkLazyStatus: () => ['a'],
      run: async ({ a }, { nodeId }) =>
        new NodeResult({ outputs: { out: link(`${nodeId}.`) }, expand: { [`${nodeId}.`]: node('Join', { a }) } }),
    }),
  ]);
  const { outcome } = await bench.run({
    1: node('Value', { value: 'x' }),
    2: node('Twin', { a: link('1') }),
    3: node('Twin', { a: link('1') }),
    4: node('Show', { value: link('2') }),
    5: node('Show', { value: link('3') }),
  });
  expect(outcome).toMatchObject({ status: 'success', outputs: { 4: { text: ['x'] }, 5: { text: ['x'] } } });
});
