// Names of models in graphs that strangers made, over real sockets: whatever the graph does, no loader sees a path or a hub id.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFile } from '../../engine/package-root.ts';
import type { Json } from '../helpers/server.ts';
import { type Mirror, startMirror } from '../hub/hub-mirror.ts';
import { type HubServer, startHubServer } from './hub-server.ts';

const bundled = packageFile('models/pico-clip');
const outside = mkdtempSync(join(tmpdir(), 'pez-outside-'));
/** A sound model beyond what the server offers. */
const elsewhere = join(outside, 'clip');
cpSync(bundled, elsewhere, { recursive: true });

let hub: Mirror;
let server: HubServer;
beforeAll(async () => {
  hub = await startMirror(new Map());
  server = await startHubServer(hub, outside);
  // What uploads may leave behind: a model folder below the data folder.
  cpSync(bundled, join(server.dataDir, 'input/evil'), { recursive: true });
});
afterAll(async () => {
  await server.close();
  await hub.close();
  rmSync(outside, { recursive: true });
});

const node = (class_type: string, inputs: object = {}) => ({ class_type, inputs });
const names = () => [elsewhere, join(server.dataDir, 'input/evil'), '../outside', '/etc', 'stranger/model', 'pico'];

/** What went wrong while a prompt ran. */
async function failure(prompt: object): Promise<Json> {
  const history = await server.run(prompt);
  const [type, data] = history.status.messages.at(-1);
  expect(type).toBe('execution_error');
  return data;
}

test('a link inside __value__ is a list: what it seems to name never runs', async () => {
  for (const name of names()) {
    const history = await server.run({
      '1': node('PreviewAny', { source: { __value__: ['2', 0] } }),
      '2': node('CLIPLoader', { clip_name: name }),
      '3': node('PreviewAny', { source: { __value__: { __value__: ['2', 0] } } }),
    });
    expect(history.status.status_str).toBe('success');
    expect(history.outputs['1'].text[0].replaceAll(/\s/g, '')).toBe('["2",0]');
    expect(Object.keys(history.outputs).sort()).toEqual(['1', '3']);
  }
  expect(hub.log).toEqual([]);
});

test('a name that is not offered is refused with what to do', async () => {
  const refused = async (clip_name: string): Promise<string> => {
    const prompt = { '1': node('CLIPLoader', { clip_name }), '2': node('TestSink', { value: ['1', 0] }) };
    return (await server.post('/prompt', { prompt })).body.node_errors['1'].errors[0].details;
  };
  expect(await refused('/etc')).toBe(
    "clip_name: '/etc' not in ['pico-clip']. A graph cannot name a path: move the model to models/clip in the data folder, or start the server with --clip and its path.",
  );
  expect(await refused('stranger/model')).toMatch(/start the server with --clip stranger\/model, or with --allow-hub/);
});

test('a link inside __value__ to a node that is not there ends neither the prompt nor the worker', async () => {
  const worker = await server.workerPid();
  const history = await server.run({ '1': node('PreviewAny', { source: { __value__: ['99', 0] } }) });
  expect(history.status.status_str).toBe('success');
  expect(await server.workerPid()).toBe(worker);
});

test('a list that reaches a combo through a link is checked when it arrives', async () => {
  for (const name of names()) {
    const error = await failure({
      '1': node('ApiTexts', { texts: `pico-clip|${name}` }),
      '2': node('CLIPLoader', { clip_name: ['1', 0] }),
      '3': node('TestSink', { value: ['2', 0] }),
    });
    expect(error).toMatchObject({ node_id: '2', exception_type: 'OPTION_INVALID' });
    expect(error.exception_message).toMatch(/clip_name must be one of pico-clip/);
  }
  expect(hub.log).toEqual([]);
});

test.each([
  ['ApiChoice', 'b|c', /choice must be one of a, b; the link gave c/],
  ['ApiJudged', 'a1|b1', /b1 does not begin with a/],
])('combos of packs, too: %s', async (type, texts, message) => {
  const error = await failure({ '1': node('ApiTexts', { texts }), '2': node(type, { choice: ['1', 0] }) });
  expect(error.exception_message).toMatch(message);
  const good = texts.split('|')[0];
  const history = await server.run({
    '1': node('ApiTexts', { texts: good }),
    '2': node(type, { choice: ['1', 0] }),
  });
  expect(history.outputs['2'].text).toEqual([JSON.stringify(good)]);
});

test("a pack's node that loads models by name goes through the same list", async () => {
  for (const name of names()) {
    for (const kind of ['clip', 'checkpoint']) {
      const error = await failure({ '1': node('ApiModel', { name, kind }) });
      expect(error).toMatchObject({ exception_type: 'MODEL_NOT_FOUND' });
      expect(error.exception_message).toMatch(/does not offer.*(move the model|--allow-hub|More models)/s);
    }
  }
  const history = await server.run({ '1': node('ApiModel', { name: 'pico-clip' }) });
  expect(history.outputs['1'].text).toEqual(['"pico-clip"']);
  expect(hub.log).toEqual([]);
});

test('validation and the worker offer the same names, those of models/ included', async () => {
  cpSync(bundled, join(server.dataDir, 'models/clip/mine'), { recursive: true });
  const { CLIPLoader } = await server.get('/object_info/CLIPLoader');
  const [offered] = CLIPLoader.input.required.clip_name;
  expect(offered).toEqual(['pico-clip', 'mine']);
  for (const name of offered) {
    const history = await server.run({
      '1': node('CLIPLoader', { clip_name: name }),
      '2': node('TestSink', { value: ['1', 0] }),
      '3': node('ApiModel', { name }),
    });
    expect(history.status.status_str).toBe('success');
  }
});
