// Graphs of thousands of nodes: the work for each node, and what is told of it, does not grow with the graph; interrupts are heard.

import type { ApiGraph } from '../../../schemas/prompt.ts';
import { createExecutor } from '../../../server/executor/executor.ts';
import type { Registry } from '../../../server/packs/registry.ts';
import { basicNodes, createBench, link, node, nothingElse } from './graph-builder.ts';

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

const graphs: Record<string, (nodes: number) => ApiGraph> = {
  pairs: (nodes) =>
    Object.fromEntries(
      range(nodes / 2).flatMap((i) => [
        [`a${i}`, node('Value', { value: `${i}` })],
        [`b${i}`, node('Show', { value: link(`a${i}`) })],
      ]),
    ),
  chain: (nodes) => ({
    0: node('Value', { value: 'x' }),
    ...Object.fromEntries(range(nodes - 2).map((i) => [`${i + 1}`, node('Join', { a: link(`${i}`) })])),
    end: node('Show', { value: link(`${nodes - 2}`) }),
  }),
  star: (nodes) => ({
    centre: node('Value', { value: 'x' }),
    ...Object.fromEntries(range(nodes - 1).map((i) => [`${i}`, node('Show', { value: link('centre'), i })])),
  }),
};

/** How often the executor asks for a node's declaration while it runs a graph: a measure of its work. */
async function countLookups(prompt: ApiGraph): Promise<number> {
  let lookups = 0;
  class CountingMap extends Map<string, Registry extends ReadonlyMap<string, infer Entry> ? Entry : never> {
    override get(type: string) {
      lookups++;
      return super.get(type);
    }
  }
  const registry: Registry = new CountingMap(
    basicNodes.map((definition) => [definition.type, { module: 'nodes', definition }]),
  );
  const executor = createExecutor({ registry, cache: 'classic', ...nothingElse });
  const outcome = await executor.run(
    {
      promptId: 'p',
      prompt,
      outputsToExecute: Object.keys(prompt).filter((id) => prompt[id].class_type === 'Show'),
      extraData: {},
    },
    { emit: () => undefined, signal: new AbortController().signal },
  );
  expect(outcome.status).toBe('success');
  return lookups;
}

test.each(Object.keys(graphs))('%s: four times the nodes are four times the work', async (name) => {
  const small = await countLookups(graphs[name](200));
  const large = await countLookups(graphs[name](800));
  expect(large / small).toBeLessThan(4.5);
});

test('of many quick nodes progress_state tells several at once: each that finishes, and none so often that messages pile up', async () => {
  const { data } = await createBench().run(graphs.pairs(2000));
  const states = data('progress_state').map((d) => Object.entries(d.nodes));
  const finished = new Set(states.flat().flatMap(([id, { state }]) => (state === 'finished' ? [id] : [])));
  expect(finished.size).toBe(2000);
  expect(states.flat().length).toBeLessThan(2000 * 20);
  expect(Math.max(...states.map((s) => s.length))).toBeLessThanOrEqual(100);
});

test('an interrupt is heard among nodes that do not wait', async () => {
  const abort = new AbortController();
  const { outcome, calls } = await createBench().run(graphs.pairs(4000), {
    signal: abort.signal,
    onEvent: (e) => e.type === 'executing' && setImmediate(() => abort.abort()),
  });
  expect(outcome.status).toBe('interrupted');
  expect(calls.length).toBeLessThan(4000);
});
