// GraphBuilder: unique, repeatable ids; links only where they were asked for.
import { GraphBuilder } from '../../nodes/graph-builder.ts';

const context = (callIndex = 0) => ({ nodeId: '7', callIndex });

test('ids come from the node, the call, the builder and the name', () => {
  const shared = context(2);
  const [first, second] = [new GraphBuilder(shared), new GraphBuilder(shared)];
  expect([first.node('A').id, first.node('A').id, first.node('A', {}, { id: 'sum' }).id, second.node('A').id]).toEqual([
    ...['7.2.0.1', '7.2.0.2', '7.2.0.sum'],
    '7.2.1.1',
  ]);
  expect(new GraphBuilder(context(2)).node('A').id).toBe('7.2.0.1'); // the same call in another run
  expect(() => first.node('A', {}, { id: 'sum' })).toThrow('two nodes with the id sum');
});

test('links are those that the builder made; a list that looks like one is a value', () => {
  const graph = new GraphBuilder(context());
  const a = graph.node('A', { given: ['5', 0], raw: graph.link(['5', 0]) }, { displayId: '3' });
  const b = graph.node('B', { a: a.out(1) });
  b.set('later', a.out(0));
  b.set('__proto__', [1, 2, 3]);
  expect(graph.build()).toEqual({
    '7.0.0.1': {
      class_type: 'A',
      inputs: { given: { __value__: ['5', 0] }, raw: ['5', 0] },
      override_display_id: '3',
    },
    '7.0.0.2': {
      class_type: 'B',
      inputs: Object.fromEntries([
        ['a', ['7.0.0.1', 1]],
        ['later', ['7.0.0.1', 0]],
        ['__proto__', { __value__: [1, 2, 3] }],
      ]),
    },
  });
  const { outputs, ui, expand } = graph.result({ out: b.out(0) }, { text: ['shown'] });
  expect({ outputs, ui }).toEqual({ outputs: { out: ['7.0.0.2', 0] }, ui: { text: ['shown'] } });
  expect(Object.keys(expand!)).toEqual(['7.0.0.1', '7.0.0.2']);
});
