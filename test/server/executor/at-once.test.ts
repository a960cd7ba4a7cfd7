// What runs beside what: nodes that wait, calls of a node over a list, as many as there is memory for (protocol: Which nodes run; Lists).
import { list, NodeResult, port } from '../../../nodes/define-node.ts';
import type { ApiGraph } from '../../../schemas/prompt.ts';
import { createExecutor } from '../../../server/executor/executor.ts';
import { basicNodes, createBench, link, node, nothingElse, stub } from './graph-builder.ts';

/** A gate at which calls wait until so many are there. */
function createGate(expected: number) {
  let inside = 0;
  let most = 0;
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    get most() {
      return most;
    },
    async pass(): Promise<void> {
      most = Math.max(most, ++inside);
      if (inside >= expected) open();
      await opened;
      inside--;
    },
  };
}

const waits = (gate: ReturnType<typeof createGate>) =>
  stub('Wait', {
    inputs: { a: port('*') },
    outputs: { out: port('*') },
    run: async ({ a }) => gate.pass().then(() => ({ out: a })),
  });
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Runs a graph on an executor of its own, its nodes as they are declared: `async` or not. */
async function run(prompt: ApiGraph, definitions: readonly ReturnType<typeof stub>[], maxMemoryBytes?: number) {
  const registry = new Map(
    [...basicNodes, ...definitions].map((definition) => [definition.type, { module: 'nodes', definition }]),
  );
  const executor = createExecutor({ registry, cache: 'classic', ...nothingElse, maxMemoryBytes });
  const job = {
    promptId: 'p',
    prompt,
    outputsToExecute: Object.keys(prompt).filter((id) => registry.get(prompt[id].class_type)?.definition.outputNode),
    extraData: {},
  };
  return executor.run(job, { emit: () => undefined, signal: new AbortController().signal });
}

test('all nodes that wait for something are under way at once', async () => {
  const gate = createGate(9);
  const graph = Object.fromEntries(
    range(9).flatMap((i) => [
      [`wait${i}`, node('Wait', { a: i })],
      [`show${i}`, node('Show', { value: link(`wait${i}`) })],
    ]),
  );
  const { status, outputs } = await run(graph, [waits(gate)]);
  expect(status).toBe('success');
  expect(Object.keys(outputs)).toHaveLength(9);
});

test('the calls of a node over a list are under way at once; the results keep the order of the list', async () => {
  const gate = createGate(5);
  const graph = {
    1: node('Split', { text: 'a,b,c,d,e' }),
    2: node('Wait', { a: link('1') }),
    3: node('Show', { value: link('2') }),
  };
  for (const run_ of [
    (g: ApiGraph) => run(g, [waits(gate)]),
    (g: ApiGraph) =>
      createBench([waits(gate)])
        .run(g)
        .then((r) => r.outcome),
  ])
    expect((await run_(graph)).outputs).toEqual({ 3: { text: ['a', 'b', 'c', 'd', 'e'] } });
});

test('many wait, but not any number', async () => {
  const gate = createGate(64);
  const many = stub('Many', { outputs: { out: list(port('*')) }, run: () => ({ out: range(200) }) });
  const { status } = await run(
    { 1: node('Many'), 2: node('Wait', { a: link('1') }), 3: node('Show', { value: link('2') }) },
    [waits(gate), many],
  );
  expect(status).toBe('success');
  expect(gate.most).toBe(64);
});

test('nodes that compute run one after the other, and what does not wait runs beside them', async () => {
  let inside = 0;
  let most = 0;
  const compute = stub('Compute', {
    inputs: { a: port('*') },
    outputs: { out: port('*') },
    // As a session's run: a step blocks the event loop, and the next one is asked for at once.
    run: async ({ a }) => {
      most = Math.max(most, ++inside);
      for (let step = 0; step < 5; step++) {
        await new Promise(setImmediate);
        const end = performance.now() + 5;
        while (performance.now() < end);
      }
      inside--;
      return { out: a };
    },
  });
  const order: unknown[] = [];
  const quick = stub('Quick', {
    inputs: { a: port('*') },
    outputNode: true,
    outputs: {},
    run: ({ a }) => {
      order.push(a);
      return {};
    },
  });
  const { status } = await run(
    {
      ...Object.fromEntries(
        range(3).flatMap((i) => [
          [`c${i}`, node('Compute', { a: i })],
          [`q${i}`, node('Quick', { a: link(`c${i}`) })],
        ]),
      ),
      now: node('Quick', { a: 'now' }),
    },
    [compute, quick],
  );
  expect(status).toBe('success');
  expect(most).toBe(1);
  expect(order).toEqual(['now', 0, 1, 2]);
});

test('calls that hold much memory wait for each other', async () => {
  const MB = 2 ** 20;
  const make = stub('Make', {
    outputs: { out: list(port('IMAGE')) },
    run: () => ({ out: range(6).map(() => ({ shape: [1, 512, 512, 1], data: new Float32Array(MB / 4) })) }),
  });
  let inside = 0;
  let most = 0;
  const use = stub('Use', {
    inputs: { a: port('IMAGE') },
    outputs: { out: port('*') },
    run: async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside--;
      return { out: 1 };
    },
  });
  const graph = { 1: node('Make'), 2: node('Use', { a: link('1') }), 3: node('Show', { value: link('2') }) };
  expect((await run(graph, [make, use], 8.5 * MB)).status).toBe('success');
  expect(most).toBe(2);
});

test('if a call fails, the others are aborted, and the prompt ends when they have ended', async () => {
  const ended: unknown[] = [];
  const each = stub('Each', {
    inputs: { a: port('*') },
    outputNode: true,
    run: async ({ a }, { signal }) => {
      if (a === 'c') throw new Error('c is not good');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await new Promise(setImmediate);
      ended.push(a);
      return {};
    },
  });
  const { outcome, data } = await createBench([each]).run({
    1: node('Split', { text: 'a,b,c,d' }),
    2: node('Each', { a: link('1') }),
  });
  expect(outcome.status).toBe('error');
  expect(data('execution_error')).toMatchObject([{ node_id: '2', exception_message: 'c is not good\n' }]);
  expect(ended).toEqual(['a', 'b']);
});

test('an interrupt is heard between the calls of a node that does not wait', async () => {
  const abort = new AbortController();
  const many = stub('Many', { outputs: { out: list(port('*')) }, run: () => ({ out: range(5000) }) });
  const busy = stub('Busy', {
    inputs: { a: port('*') },
    outputNode: true,
    run: ({ a }) => {
      if (a === 0) setTimeout(() => abort.abort());
      const end = performance.now() + 0.2;
      while (performance.now() < end);
      return new NodeResult({});
    },
  });
  const { outcome, calls } = await createBench([many, busy]).run(
    { 1: node('Many'), 2: node('Busy', { a: link('1') }) },
    { signal: abort.signal },
  );
  expect(outcome.status).toBe('interrupted');
  expect(calls.length).toBeLessThan(5000);
});
