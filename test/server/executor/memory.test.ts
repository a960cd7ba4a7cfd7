// The memory of a prompt: counted, refused before it is taken where a node tells, and forgotten results make room (docs/server.md).
import { readFileSync } from 'node:fs';
import { optional, port } from '../../../nodes/define-node.ts';
import type { ApiGraph } from '../../../schemas/prompt.ts';
import { createExecutor } from '../../../server/executor/executor.ts';
import type { CacheMode } from '../../../server/executor/result-cache.ts';
import { startTestServer, type TestServer } from '../../helpers/server.ts';
import { basicNodes, link, node, nothingElse, stub } from './graph-builder.ts';

const MB = 2 ** 20;
let allocated = 0;
const nodes = [
  // A picture of `mb` MB; `tells`: it says so before.
  ...[true, false].map((tells) =>
    stub(tells ? 'Tells' : 'Silent', {
      inputs: { mb: port('INT'), after: optional(port('*')) },
      outputs: { out: port('IMAGE') },
      memory: tells ? ({ mb }) => (mb as number) * MB : undefined,
      run: ({ mb }) => {
        allocated += mb as number;
        return { out: { shape: [1, 1, 1, 1], data: new Float32Array(((mb as number) * MB) / 4) } };
      },
    }),
  ),
  stub('Same', { inputs: { a: port('IMAGE') }, outputs: { out: port('IMAGE') }, run: ({ a }) => ({ out: a }) }),
  stub('Look', { inputs: { a: port('*'), b: port('*') }, outputs: {}, outputNode: true, run: () => ({}) }),
  stub('Load', {
    outputs: { out: port('CLIP') },
    run: () => ({ out: { table: new Float32Array((50 * MB) / 4) } }),
  }),
];

function createRunner(maxMemoryBytes: number, cache: CacheMode = 'classic') {
  const registry = new Map(
    [...basicNodes, ...nodes].map((definition) => [definition.type, { module: 'nodes', definition }]),
  );
  const executor = createExecutor({ registry, cache, ...nothingElse, maxMemoryBytes });
  let prompts = 0;
  return async (prompt: ApiGraph) => {
    const outputsToExecute = Object.keys(prompt).filter((id) => prompt[id].class_type === 'Look');
    const { status, messages } = await executor.run(
      { promptId: `p${++prompts}`, prompt, outputsToExecute, extraData: {} },
      { emit: () => undefined, signal: new AbortController().signal },
    );
    // biome-ignore lint/suspicious/noExplicitAny: what history keeps is what is tested
    const last = messages.at(-1)![1] as any;
    return { status, type: last.exception_type, node: last.node_id, message: last.exception_message };
  };
}

test.each(['Tells', 'Silent'])(
  'a node that %s goes beyond the budget: it fails, with what is needed and what to do',
  async (type) => {
    const run = createRunner(10 * MB);
    allocated = 0;
    const graph = (mb: number) => ({
      1: node('Tells', { mb: 6 }),
      2: node(type, { mb, after: link('1') }),
      3: node('Look', { a: link('1'), b: link('2') }),
    });
    expect(await run(graph(5))).toEqual({
      status: 'error',
      type: 'MEMORY_EXCEEDED',
      node: '2',
      message: expect.stringMatching(/needs 5 MB more, .* holds [67] MB of the 10 MB .*--max-memory/),
    });
    expect(allocated).toBe(type === 'Tells' ? 6 : 11);
    expect((await run(graph(3))).status).toBe('success'); // the failed one left nothing behind
  },
);

test('a picture that several nodes hold counts once, and models do not count', async () => {
  const run = createRunner(10 * MB);
  const { status } = await run({
    load: node('Load'),
    1: node('Tells', { mb: 8 }),
    2: node('Same', { a: link('1') }),
    3: node('Same', { a: link('2') }),
    4: node('Look', { a: link('3'), b: link('load') }),
    5: node('Look', { a: link('1'), b: link('2') }),
  });
  expect(status).toBe('success');
});

test.each<[CacheMode]>([['classic'], [{ lru: 100 }], ['none']])(
  'cache %p: results that no node needs any more make room',
  async (cache) => {
    const run = createRunner(10 * MB, cache);
    const graph = Object.fromEntries(
      Array.from({ length: 6 }, (_, i) => [
        [`make${i}`, node(i % 2 ? 'Tells' : 'Silent', { mb: 4, after: i })],
        [`look${i}`, node('Look', { a: link(`make${i}`), b: i })],
      ]).flat(),
    );
    for (let again = 0; again < 3; again++)
      expect(await run(graph)).toMatchObject({ status: 'success', message: undefined });
  },
);

test('what the cache keeps of earlier prompts counts, and goes first', async () => {
  const run = createRunner(10 * MB, { lru: 100 });
  for (let i = 0; i < 5; i++)
    expect((await run({ 1: node('Tells', { mb: 6, after: i }), 2: node('Look', { a: link('1'), b: 1 }) })).status).toBe(
      'success',
    );
});

describe('the server', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ maxMemoryBytes: 64 * MB });
  });
  afterAll(() => server.close());

  test('a small graph that asks for a lot of memory fails, and its worker goes on', async () => {
    const worker = server.workerPid;
    const scaled = (i: number) => ({
      class_type: 'ImageScale',
      inputs: { image: ['load', 0], upscale_method: 'bilinear', width: 8192, height: 8192 - i, crop: 'disabled' },
    });
    const { history } = await server.run({
      load: { class_type: 'LoadImage', inputs: { image: 'tiger.png' } },
      ...Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`scale${i}`, scaled(i)])),
      ...Object.fromEntries(
        Array.from({ length: 16 }, (_, i) => [
          `show${i}`,
          { class_type: 'PreviewImage', inputs: { images: [`scale${i}`, 0] } },
        ]),
      ),
    });
    expect(history.status.status_str).toBe('error');
    const [type, data] = history.status.messages.at(-1);
    expect([type, data]).toEqual([
      'execution_error',
      expect.objectContaining({ exception_type: 'MEMORY_EXCEEDED', node_type: 'ImageScale' }),
    ]);
    const { history: next } = await server.run({
      1: { class_type: 'EmptyLatentImage', inputs: { width: 512, height: 512, batch_size: 1 } },
      2: { class_type: 'TestSink', inputs: { value: ['1', 0] } },
    });
    expect(next.status.status_str).toBe('success');
    expect(server.workerPid).toBe(worker);
  });

  (process.platform === 'linux' ? test : test.skip)('the kernel would end the worker before the server', () => {
    expect(readFileSync(`/proc/${server.workerPid}/oom_score_adj`, 'utf8').trim()).toBe('1000');
  });
});
