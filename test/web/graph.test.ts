// The studio's graphs and words: pure functions, checked against the templates in both of their forms.
import { readFileSync } from 'node:fs';
import { nodes } from '../../nodes/index.ts';
import { addPngText, asciiJson } from '../../nodes/png-text.ts';
import type { ApiGraph } from '../../schemas/prompt.ts';
import type { UiGraph04 } from '../../schemas/template.ts';
import { presets } from '../../templates/presets.ts';
import { drawGraph } from '../../web/studio/graph/drawing.ts';
import { idsOf, producerOf, withBatch, withPrompt } from '../../web/studio/graph/edit.ts';
import { fromSaved } from '../../web/studio/graph/from-saved.ts';
import { graphOfPng, parseGraph } from '../../web/studio/graph/png-graph.ts';
import type { ObjectInfo } from '../../web/studio/graph/slots.ts';
import { emptyDocument, Undo } from '../../web/studio/state/document.ts';
import { drawingGraph, nearGraph, type TaskContext, taskGraph } from '../../web/studio/state/graphs.ts';
import { settingsOf, taskOfGraph } from '../../web/studio/state/open-graph.ts';
import { addWords, moveWord, swapWord, textOf, wordsOf } from '../../web/studio/state/words.ts';
import { type TaskId, taskOf, tasks } from '../../web/studio/tasks.ts';
import { startTestServer, type TestServer } from '../helpers/server.ts';

const read = <T>(path: string): T =>
  JSON.parse(readFileSync(new URL(`../../templates/${path}`, import.meta.url), 'utf8'));

let server: TestServer;
let info: ObjectInfo;
beforeAll(async () => {
  server = await startTestServer();
  info = await server.get('/object_info');
});
afterAll(() => server.close());

const template = (id: TaskId): ApiGraph => fromSaved(read<UiGraph04>(`${taskOf(id).template}.json`), info);
const context = (id: TaskId, state: Partial<TaskContext['state']> = {}): TaskContext => ({
  task: taskOf(id),
  state: { ...emptyDocument().tasks[id], ...state },
  template: template(id),
  drawTemplate: template('draw'),
  info,
  clip: '',
  checkpoint: '',
});
const ofClass = (graph: ApiGraph, type: string) => graph[idsOf(graph, type)[0]]?.inputs;

test.each(presets.map(({ name }) => name))('the saved template %s becomes the graph that is its API form', (name) => {
  expect(fromSaved(read<UiGraph04>(`${name}.json`), info)).toEqual(read(`api/${name}.json`));
});

test('every task has a template, and settings that its nodes have', () => {
  for (const { id, settings, weights = [], text } of tasks) {
    const graph = template(id);
    for (const setting of [...settings, ...weights, ...(text ? [text] : [])]) {
      const [node, input] = setting.split('.');
      const found = Object.values(graph).find((n) => n.class_type === node || n._meta?.title === node);
      const definition = nodes.find(({ type }) => type === found?.class_type);
      expect([setting, input in (definition?.inputs ?? {})]).toEqual([setting, true]);
    }
  }
});

test('every task’s graph is accepted as it is', async () => {
  for (const { id } of tasks) {
    const { status, body } = await server.post('/prompt', { prompt: taskGraph(context(id)) });
    expect([id, status, body.node_errors]).toEqual([id, 200, {}]);
    await server.post(`/api/jobs/${body.prompt_id}/cancel`);
  }
});

test('pinned words become fixed words around the search and take their share of its length; blocked ones are blocked', () => {
  const words = [
    { text: 'tiger', pinned: true },
    { text: 'fox' },
    { text: 'snowstorm', pinned: true, tokens: ['snow', 'storm'] },
  ];
  const inputs = ofClass(taskGraph(context('picture', { words, blocked: ['skull', 'kiss'] })), 'PEZInvert');
  expect(inputs).toMatchObject({ template: 'tiger snowstorm {}', length: 5, block: 'skull, kiss' });
  const own = taskGraph(context('picture', { words, values: { '3.template': 'a painting of {}' } }));
  expect(ofClass(own, 'PEZInvert').template).toBe('a painting of tiger snowstorm {}');
});

test('words are drawn without a search: what only the search needs is left out', () => {
  const graph = drawingGraph(context('picture', { words: wordsOf('orange tiger, flat') }));
  expect(idsOf(graph, 'PEZInvert')).toEqual([]);
  expect(ofClass(graph, 'CLIPTextEncode').text).toBe('orange tiger, flat');
  expect(idsOf(graph, 'CLIPSimilarity')).toHaveLength(1); // both pictures are still compared
  const drawn = drawingGraph(context('style', { words: wordsOf('pinata vector') }));
  expect(idsOf(drawn, 'KSampler')).toHaveLength(1);
});

test('the row swaps the chosen word by its tokens, and by its text while those are not known', () => {
  const words = [
    { text: 'a', tokens: ['a'] },
    { text: 'snowstorm', tokens: ['snow', 'storm'] },
    { text: 'pig', tokens: ['pig'] },
  ];
  const swap = (state: object) => ofClass(taskGraph(context('swap', state)), 'TokenSwap');
  expect(swap({ words, swapAt: 1 })).toMatchObject({
    prompt: 'a snowstorm pig',
    mode: 'position',
    position: 1,
    count: 2,
  });
  expect(swap({ words })).toMatchObject({ position: 3, count: 1 });
  expect(swap({ words: wordsOf('a pig'), swapAt: 1 })).toMatchObject({ mode: 'word', from: 'pig' });
  expect(idsOf(taskGraph(context('swap', { words })), 'LoadImage')).toEqual([]);
});

test('any number of pictures goes in as one batch', () => {
  const graph = withBatch(template('style'), ['a.png', 'b.png', 'c.png', 'd.png']);
  expect(idsOf(graph, 'LoadImage').map((id) => graph[id].inputs.image)).toEqual(['a.png', 'b.png', 'c.png', 'd.png']);
  expect(ofClass(graph, 'PEZInvert').images).toEqual(['batch-3', 0]);
  expect(ofClass(withBatch(template('style'), ['a.png']), 'PEZInvert').images).toEqual(['picture-1', 0]);
});

test('a question about a word brings the pictures that count and the blocked words', () => {
  const graph = nearGraph(context('picture', { words: wordsOf('tiger fox'), blocked: ['skull'] }), 1);
  expect(graph.ask.inputs).toMatchObject({ prompt: 'tiger fox', word: 1, block: 'skull', image: ['picture-1', 0] });
  expect(nearGraph(context('style', { words: wordsOf('a b') }), 0).ask.inputs.image).toEqual(['batch-2', 0]);
  expect(nearGraph(context('draw'), 0).ask.inputs.image).toBeUndefined();
});

test('a graph finds its task, and what was set in it', () => {
  const templates = new Map(tasks.map(({ id }) => [id, template(id)]));
  for (const { id } of tasks) expect(taskOfGraph(taskGraph(context(id)), templates)).toBe(id);
  const graph = taskGraph(
    context('picture', { values: { '3.seed': 7, '24.steps': 9 }, pictures: ['x.png'], blocked: ['kiss'] }),
  );
  const drawn = withPrompt(graph, 'tiger', info);
  expect(settingsOf(graph, template('picture'))).toEqual({
    values: { '3.seed': 7, '24.steps': 9 },
    pictures: ['x.png'],
    blocked: ['kiss'],
  });
  expect(settingsOf(drawn, template('picture')).values).toEqual({ '24.steps': 9 });
  expect(taskOfGraph({ 1: { class_type: 'Other', inputs: {} } }, templates)).toBeUndefined();
});

test('a PNG gives the graph that it carries; other bytes give none', () => {
  const png = Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    Buffer.from('0000000d49484452', 'hex'),
    Buffer.alloc(17),
  ]);
  const graph = { 1: { class_type: 'LoadImage', inputs: { image: '<img onerror>ü.png' } } };
  expect(graphOfPng(addPngText(png, { workflow: '{}', prompt: asciiJson(graph) }))).toEqual(graph);
  for (const bytes of [png, png.subarray(0, 5), addPngText(png, { prompt: '{"a":1}' }), Buffer.alloc(0)])
    expect(graphOfPng(bytes)).toBeUndefined();
  expect(parseGraph('[]')).toBeUndefined();
});

test('the drawing has every node once, and every link leads to the right', () => {
  for (const { id } of tasks) {
    const graph = taskGraph(context(id));
    const { nodes: drawn, links } = drawGraph(graph);
    expect(drawn.map((node) => node.id).sort()).toEqual(Object.keys(graph).sort());
    expect(new Set(drawn.map(({ x, y }) => `${x} ${y}`)).size).toBe(drawn.length);
    for (const link of links) {
      const [, x1, x2] = /^M([\d.]+) .* ([\d.]+) [\d.]+$/.exec(link) ?? [];
      expect(Number(x1)).toBeLessThan(Number(x2));
    }
  }
  expect(producerOf(template('swap'))).toBe(idsOf(template('swap'), 'TokenSwap')[0]);
});

test('words and text are one: marks, hostile names and letters of all kinds survive', () => {
  for (const text of ['a tiger, in the snow!', '<img onerror=x>', 'größe 東京 café', "don't (ever)"])
    expect(textOf(wordsOf(text)).replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
  expect(textOf(wordsOf('a tiger, in the snow.'))).toBe('a tiger, in the snow.');
  const words = wordsOf('a tiger sits');
  expect(textOf(swapWord(words, 1, 'snow leopard'))).toBe('a snow leopard sits');
  expect(textOf(moveWord(words, 0, 2))).toBe('tiger sits a');
  expect(textOf(addWords(words, 'down'))).toBe('a tiger sits down');
});

test('undo and redo go through every step; typing in one field is one step', () => {
  const undo = new Undo(0);
  undo.set(1);
  undo.set(2, 'typing');
  undo.set(3, 'typing');
  undo.amend(30);
  undo.undo();
  expect(undo.now).toBe(1);
  undo.redo();
  expect(undo.now).toBe(30);
  undo.undo();
  undo.undo();
  undo.undo();
  expect([undo.now, undo.canUndo, undo.canRedo]).toEqual([0, false, true]);
  undo.set(5);
  expect(undo.canRedo).toBe(false);
});
