// Which nodes run, in which order, how often.
// (protocol: Which nodes run; Lazy inputs; Lists; Hidden inputs; What a node returns; Submitting a prompt)
import { list, port } from '../../../nodes/define-node.ts';
import { createBench, link, node, stub } from './graph-builder.ts';

test('only what the roots need runs', async () => {
  const { calls } = await createBench().run(
    {
      1: node('Value', { value: 'x' }),
      2: node('Show', { value: link('1') }),
      3: node('Value', { value: 'y' }),
      4: node('Show', { value: link('3') }),
    },
    { roots: ['2'] },
  );
  expect(calls).toEqual(['1', '2']);
});

test("a cached node's ancestors are not pulled in, even where they are cached no more", async () => {
  const bench = createBench([], { lru: 1 });
  const graph = { 1: node('Value', { value: 'x' }), 2: node('Show', { value: link('1') }) };
  await bench.run(graph);
  const again = await bench.run(graph);
  expect(again.calls).toEqual([]);
  expect(again.cached).toEqual(['2']);
});

test('what shows something goes first, then what feeds it', async () => {
  const { calls } = await createBench().run({
    a: node('Value', { value: 'a' }),
    b: node('Join', { a: link('a') }),
    c: node('Join', { a: link('b') }),
    d: node('Join', { a: link('c') }),
    out: node('Show', { value: link('d') }),
    x: node('Value', { value: 'x' }),
    quick: node('Show', { value: link('x') }),
  });
  expect(calls).toEqual(['x', 'quick', 'a', 'b', 'c', 'd', 'out']);
});

test('nodes that wait are parked while others go on', async () => {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const { outcome, story } = await createBench([
    stub('Wait', { outputs: { out: port('*') }, run: () => opened.then(() => ({ out: 'waited' })) }),
    stub('Open', {
      outputs: { out: port('*') },
      run: () => {
        open();
        return { out: 'opened' };
      },
    }),
  ]).run({
    1: node('Wait'),
    2: node('Open'),
    3: node('Join', { a: link('1'), b: link('2') }),
    4: node('Show', { value: link('3') }),
  });
  expect(outcome.outputs).toEqual({ 4: { text: ['waitedopened'] } });
  expect(story.filter((s) => /executing|finished/.test(s))).toContain('executing 2');
});

test('a lazy input is computed only when the node asks; the node is executing twice', async () => {
  const bench = createBench();
  const graph = (use: string) => ({
    1: node('Value', { value: 'A' }),
    2: node('Value', { value: 'B' }),
    3: node('Lazy', { use, a: link('1'), b: link('2') }),
    4: node('Show', { value: link('3') }),
  });
  const onlyA = await bench.run(graph('a'));
  expect(onlyA.calls).toEqual(['1', '3', '4']);
  expect(onlyA.shown('4')).toEqual(['a:A-']);
  expect(onlyA.data('executing').map((e) => e.node)).toEqual(['3', '1', '3', '4']);
  expect((await bench.run(graph(''))).shown('4')).toEqual([':--']);
  expect((await bench.run(graph('ab'))).shown('4')).toEqual(['ab:AB']);
});

test('to ask for a constant is fine, for an input that is not there an error', async () => {
  const graph = (use: string) => ({
    1: node('Lazy', { use, a: 'A', b: 'B' }),
    2: node('Show', { value: link('1') }),
  });
  expect((await createBench().run(graph('a'))).shown('2')).toEqual(['a:AB']);
  const { data } = await createBench().run(graph('z'));
  expect(data('execution_error')[0].exception_message).toBe('Lazy asks for its input z, which does not exist.\n');
});

test('a list maps its consumer, shorter lists repeat their last element, results follow in order', async () => {
  const { calls, shown } = await createBench().run({
    1: node('Split', { text: 'a,b,c' }),
    2: node('Split', { text: '1,2' }),
    3: node('Join', { a: link('1'), b: link('2') }),
    4: node('Show', { value: link('3') }),
  });
  expect(calls.filter((id) => id === '3')).toHaveLength(3);
  expect(shown('4')).toEqual(['a1', 'b2', 'c2']);
});

test('a node that takes lists is called once, constants come as lists of one; list outputs are joined', async () => {
  const seen: unknown[] = [];
  const { shown, calls } = await createBench([
    stub('Gather', {
      inputIsList: true,
      inputs: { a: port('*'), b: port('*') },
      outputs: { out: port('*') },
      run: (inputs) => {
        seen.push(inputs);
        return { out: (inputs.a as string[]).join('+') };
      },
    }),
    stub('Twice', { inputs: { a: port('*') }, outputs: { out: list(port('*')) }, run: ({ a }) => ({ out: [a, a] }) }),
  ]).run({
    1: node('Split', { text: 'a,b' }),
    2: node('Twice', { a: link('1') }),
    3: node('Gather', { a: link('2'), b: 7 }),
    4: node('Show', { value: link('3') }),
  });
  expect(seen).toEqual([{ a: ['a', 'a', 'b', 'b'], b: [7] }]);
  expect(calls.filter((id) => id === '2')).toHaveLength(2);
  expect(shown('4')).toEqual(['a+a+b+b']);
});

test('an empty list maps to no call', async () => {
  const { calls, outcome } = await createBench().run({
    1: node('Split', { text: '' }),
    2: node('Join', { a: link('1') }),
    3: node('Show', { value: link('2') }),
  });
  expect(calls).toEqual(['1']);
  expect(outcome).toMatchObject({ status: 'success', outputs: {} });
});

test('outputs that are missing, or not a list if they should be one, are errors that name them', async () => {
  const bench = createBench([
    stub('Forgets', { outputs: { out: port('*') }, run: () => ({}) }),
    stub('NoList', { outputs: { out: list(port('*')) }, run: () => ({ out: 1 }) }),
    stub('Text', { outputs: { out: port('*') }, run: () => 'text' }),
  ]);
  const message = async (type: string) =>
    (await bench.run({ 1: node(type), 2: node('Show', { value: link('1') }) })).data('execution_error')[0]
      .exception_message;
  expect(await message('Forgets')).toBe('Forgets returned no output "out".\n');
  expect(await message('NoList')).toBe('NoList must return a list for its list output "out".\n');
  expect(await message('Text')).toMatch(/an object of its outputs was expected/);
});

test('hidden inputs hold what they are asked for', async () => {
  const seen: Record<string, unknown>[] = [];
  const bench = createBench([
    stub('Hidden', {
      outputNode: true,
      hidden: { prompt: 'PROMPT', info: 'EXTRA_PNGINFO', id: 'UNIQUE_ID', now: 'DYNPROMPT' },
      run: (inputs) => {
        seen.push(inputs);
        return {};
      },
    }),
  ]);
  const prompt = { 7: node('Hidden', { undeclared: 1 }) };
  await bench.run(prompt, { extraData: { extra_pnginfo: { workflow: 1 } } });
  await bench.run({ 8: node('Hidden') }, { extraData: { extra_pnginfo: null } });
  expect(seen[0]).toEqual({ prompt, info: { workflow: 1 }, id: '7', now: prompt });
  expect(seen[1]).toMatchObject({ info: undefined, id: '8' });
});

test('a wrapped list is a literal, whatever is in it', async () => {
  const { shown } = await createBench().run({ 1: node('Show', { value: { __value__: ['2', 0] } }) });
  expect(shown('1')).toEqual([['2', 0]]);
});

test('a chain of 2,000 nodes runs', async () => {
  const chain = Object.fromEntries(
    Array.from({ length: 2000 }, (_, i) => [
      `${i}`,
      i === 0 ? node('Value', { value: 'x' }) : node('Join', { a: link(`${i - 1}`) }),
    ]),
  );
  const { outcome, data } = await createBench().run({ ...chain, end: node('Show', { value: link('1999') }) });
  expect(outcome.outputs).toEqual({ end: { text: ['x'] } });
  expect(Object.keys(data('progress_state').at(-1)!.nodes).length).toBeLessThanOrEqual(100);
});

test('a node class that is no longer there is an error that names it', async () => {
  const { outcome, data } = await createBench().run({ 1: node('Removed') }, { roots: ['1'] });
  expect(outcome.status).toBe('error');
  expect(data('execution_error')[0].exception_message).toBe(
    'There is no node class Removed: its pack may have been removed.\n',
  );
});
