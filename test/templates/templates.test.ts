// The preset graphs: both forms say the same, agree with the nodes, and lie tidily.
// (protocol: Saved graphs; Node descriptions; API format)
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodes } from '../../nodes/index.ts';
import { apiGraph } from '../../schemas/prompt.ts';
import { type UiGraph04, uiGraph04 } from '../../schemas/template.ts';
import { inputsInOrder, isWidget, toApiGraph } from '../../server/saved-graph/ui-graph.ts';
import { generateTemplates } from '../../templates/generate.ts';
import { presets } from '../../templates/presets.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));
const definitions = new Map(nodes.map((definition) => [definition.type, { definition }]));
const names = presets.map(({ name }) => name);

test('the manifest lists the presets, and templates/ holds them and no others', () => {
  const entries = presets.map(({ name, title, description }) => ({ name, title, description }));
  const listed = read('manifest.json').templates;
  expect(listed).toMatchObject(entries);
  for (const { thumbnail } of listed) expect([thumbnail, existsSync(join(root, thumbnail))]).toEqual([thumbnail, true]);
  const files = (dir: string) => readdirSync(join(root, dir)).filter((file) => file.endsWith('.json'));
  for (const dir of ['templates', 'templates/api'])
    expect(files(dir).sort()).toEqual(names.map((n) => `${n}.json`).sort());
});

test('the files are what `npx tsx templates/generate.ts` writes', () => {
  for (const [path, value] of generateTemplates()) {
    expect([path, read(join('templates', path))]).toEqual([path, JSON.parse(JSON.stringify(value))]);
  }
});

describe.each(names)('%s', (name) => {
  const ui: UiGraph04 = uiGraph04.parse(read(`templates/${name}.json`));
  const api = apiGraph.parse(read(`templates/api/${name}.json`));

  test('the UI form turns into the API form', () => {
    expect(toApiGraph(ui, definitions)).toEqual(api);
  });

  test('every required input is there, values are in range and links fit', () => {
    for (const { class_type, inputs } of Object.values(api)) {
      const { definition } = definitions.get(class_type)!;
      for (const [input, { type, options, choices, optional }] of inputsInOrder(definition)) {
        const value = inputs[input];
        if (value === undefined) expect([class_type, input, optional]).toEqual([class_type, input, true]);
        else if (Array.isArray(value)) {
          const source = definitions.get(api[value[0]].class_type)!.definition;
          const given = Object.values(source.outputs)[value[1]].type;
          expect(type === '*' || given === type || type.split(',').includes(given)).toBe(true);
        } else if (typeof value === 'number') {
          expect(value).toBeGreaterThanOrEqual(Number(options.min ?? value));
          expect(value).toBeLessThanOrEqual(Number(options.max ?? value));
        } else if (Array.isArray(choices)) expect(choices).toContain(value);
      }
      expect(Object.keys(inputs).filter((input) => !(input in definition.inputs))).toEqual([]);
    }
  });

  test('its pictures are among the examples', () => {
    for (const { class_type, inputs } of Object.values(api)) {
      if (class_type === 'LoadImage') expect(existsSync(join(root, 'examples', String(inputs.image)))).toBe(true);
    }
  });

  test('links and slots name each other, ids are counted on', () => {
    const byId = new Map(ui.nodes.map((node) => [node.id, node]));
    for (const [id, source, output, target, input, type] of ui.links) {
      const from = byId.get(source)!.outputs![output];
      expect(from).toMatchObject({ type, links: expect.arrayContaining([id]) });
      expect(byId.get(target)!.inputs![input].link).toBe(id);
    }
    expect(ui.last_node_id).toBe(Math.max(...ui.nodes.map((node) => Number(node.id))));
    expect(ui.last_link_id).toBe(ui.links.length);
  });

  test('no two nodes overlap', () => {
    const boxes = ui.nodes.map(({ pos, size }) => ({ x: pos[0], y: pos[1] - 30, w: size[0], h: size[1] + 30 }));
    const overlapping = boxes.flatMap((a, i) =>
      boxes.slice(i + 1).filter((b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h),
    );
    expect(overlapping).toEqual([]);
  });
});

describe('reading a saved graph', () => {
  const base = {
    flags: {},
    order: 0,
    properties: {},
    pos: [0, 0] as [number, number],
    size: [1, 1] as [number, number],
  };
  const graph = (overrides: object): UiGraph04 => ({
    version: 0.4,
    last_node_id: 2,
    last_link_id: 1,
    links: [[1, 1, 0, 2, 0, 'STRING']],
    nodes: [
      { ...base, id: 1, type: 'PrimitiveString', mode: 0, widgets_values: ['x'], ...overrides },
      { ...base, id: 2, type: 'PreviewAny', mode: 0, inputs: [{ name: 'source', type: '*', link: 1 }], title: 'T' },
    ],
  });

  test('the entry after a seed is skipped, and widget values may be an object', () => {
    const [first] = inputsInOrder(definitions.get('PrimitiveInt')!.definition).filter(([, input]) => isWidget(input));
    expect(first[0]).toBe('value');
    const int = toApiGraph(graph({ type: 'PrimitiveInt', widgets_values: [3, 'randomize'] }), definitions);
    expect(int[1].inputs).toEqual({ value: 3 });
    expect(toApiGraph(graph({ widgets_values: { value: 'y' } }), definitions)[1].inputs).toEqual({ value: 'y' });
    expect(toApiGraph(graph({}), definitions)[2]).toEqual({
      class_type: 'PreviewAny',
      inputs: { source: ['1', 0] },
      _meta: { title: 'T' },
    });
  });

  test('a list literal is wrapped, muted nodes and notes are left out with the links to them', () => {
    const listed = toApiGraph(graph({ widgets_values: [['a', 'b']] }), definitions);
    expect(listed[1].inputs).toEqual({ value: { __value__: ['a', 'b'] } });
    for (const overrides of [{ mode: 2 }, { type: 'Note' }]) {
      expect(toApiGraph(graph(overrides), definitions)).toEqual({ 2: expect.objectContaining({ inputs: {} }) });
    }
  });

  /** Text → that node → Preview Any. */
  const through = (middle: object): UiGraph04 => ({
    ...graph({}),
    links: [
      [1, 1, 0, 3, 0, 'STRING'],
      [2, 3, 0, 2, 0, 'STRING'],
    ],
    nodes: [
      { ...base, id: 1, type: 'PrimitiveString', mode: 0, widgets_values: ['x'] },
      { ...base, id: 2, type: 'PreviewAny', mode: 0, inputs: [{ name: 'source', type: '*', link: 2 }] },
      { ...base, id: 3, mode: 0, type: 'Reroute', ...middle },
    ],
  });
  const slots = (input: string, output: string) => ({
    inputs: [{ name: 'in', type: input, link: 1 }],
    outputs: [{ name: 'out', type: output, links: [2] }],
  });

  test('links go through reroutes and bypassed nodes, which hand on what has the type of their output', () => {
    const whole = { 1: expect.anything(), 2: expect.objectContaining({ inputs: { source: ['1', 0] } }) };
    expect(toApiGraph(through(slots('*', '*')), definitions)).toEqual(whole);
    const bypassed = { type: 'DistilPrompt', mode: 4, ...slots('STRING', 'STRING') };
    expect(toApiGraph(through(bypassed), definitions)).toEqual(whole);
    const second = { ...bypassed, inputs: [{ name: 'clip', type: 'CLIP', link: null }, bypassed.inputs[0]] };
    expect(toApiGraph(through(second), definitions)).toEqual(whole);
    // Nothing of that type goes in: the link brings nothing.
    const broken = toApiGraph(through({ ...bypassed, ...slots('STRING', 'FLOAT') }), definitions);
    expect(broken[2].inputs).toEqual({});
    expect(Object.keys(broken)).toEqual(['1', '2']);
  });

  test('a front-end primitive gives its value', () => {
    const primitive = { ...graph({ type: 'PrimitiveNode', widgets_values: [7, 'fixed'], mode: 0 }) };
    expect(toApiGraph(primitive, definitions)).toEqual({ 2: expect.objectContaining({ inputs: { source: 7 } }) });
  });

  test('reroutes in a ring bring nothing', () => {
    const ring = through(slots('*', '*'));
    ring.links[0] = [1, 3, 0, 3, 0, '*'];
    expect(toApiGraph(ring, definitions)[2].inputs).toEqual({});
  });

  test('what cannot be converted is named', () => {
    expect(() => toApiGraph(graph({ type: 'Nope' }), definitions)).toThrow(/node 1: there is no class Nope/);
    const nested = { ...graph({ type: 'a-b-c' }), definitions: { subgraphs: [{ id: 'a-b-c' }] } };
    expect(() => toApiGraph(nested, definitions)).toThrow(/node 1 is a subgraph: save the graph in API format/);
  });
});
