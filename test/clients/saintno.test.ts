// @saintno/comfyui-sdk, a client that others wrote, against a real server.
// (protocol: What clients rely on; Uploads; Cached results; Binary frames; Validation errors; Addressing of events)
// (protocol: Interrupt and free)
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CallWrapper, ComfyApi, PromptBuilder } from '@saintno/comfyui-sdk';
import sharp from 'sharp';
import { type Json, startTestServer, type TestServer } from '../helpers/server.ts';

const root = join(import.meta.dirname, '../..');
const template = (name: string) => JSON.parse(readFileSync(join(root, 'templates/api', `${name}.json`), 'utf8'));
const tiger = readFileSync(join(root, 'examples/tiger.png'));

let server: TestServer;
let api: ComfyApi;

beforeAll(async () => {
  server = await startTestServer({ previewMethod: 'auto' }); // this client does not ask for previews, and takes them
  api = new ComfyApi(server.url, 'saintno-tests');
  const connected = new Promise((resolve) => api.on('connected', resolve));
  await api.init().waitForReady();
  await connected;
});
afterAll(async () => {
  api.destroy();
  await server.close();
});

/** Runs a graph by the SDK's wrapper; what it called back with. */
async function call(graph: Json, outputs: Record<string, string>, on: { progress?: () => void } = {}) {
  let builder: Json = new PromptBuilder(graph, [], Object.keys(outputs));
  for (const [key, node] of Object.entries(outputs)) builder = builder.setOutputNode(key, node);
  const seen = { progress: [] as Json[], previews: [] as Blob[], outputs: [] as string[], failed: [] as Json[] };
  const result: Json = await new CallWrapper(api, builder)
    .onProgress((info) => {
      seen.progress.push(info);
      on.progress?.();
    })
    .onPreview((blob) => seen.previews.push(blob))
    .onOutput((key) => seen.outputs.push(String(key)))
    .onFailed((error) => seen.failed.push(error))
    .run();
  return { result, ...seen };
}

test('it connects, reads the system, and lists our nodes', async () => {
  await expect(api.ping()).resolves.toMatchObject({ status: true });
  expect((await api.getSystemStats()).system).toMatchObject({ os: process.platform });
  const nodes = (await api.getNodeDefs())!;
  expect(Object.keys(nodes)).toEqual(expect.arrayContaining(['PEZInvert', 'LoadImage', 'SaveImage', 'TestShow']));
  expect(await api.getNodeDefs('PEZInvert')).toEqual({ PEZInvert: nodes.PEZInvert });
  // An extension that we do not have: the SDK asks for it when it starts, and a 404 would end it.
  expect(await api.getNodeDefs('Primitive boolean [Crystools]')).toBeNull();
});

test('lists of models, templates, features, settings, userdata, the log', async () => {
  expect(await api.getModelTypes()).toContain('checkpoints');
  expect(await api.getModels('checkpoints')).toEqual(['pico-diffusion']);
  expect(await api.getModelFolders()).toContainEqual(expect.objectContaining({ name: 'loras' }));
  expect(await api.getModelFiles('loras')).toEqual([]);
  expect(await api.getCheckpoints()).toEqual(['pico-diffusion']);
  for (const list of [await api.getLoras(), await api.getEmbeddings()]) expect(list).toEqual([]);
  expect(JSON.stringify(await api.getSamplerInfo())).toMatch(/euler_ancestral.*karras/);
  expect((await api.getWorkflowTemplates())['pez-nodes']).toContain('image-to-prompt');
  expect(await api.getFeatures()).toMatchObject({ supports_preview_metadata: true });
  await api.storeSetting('Saintno.Test', { a: 1 });
  expect(await api.getSetting('Saintno.Test')).toEqual({ a: 1 });
  await api.storeUserData('workflows/a b.json', { nodes: [] });
  expect(await api.listUserData('workflows', true, false)).toEqual(['a b.json']);
  expect(await (await api.getUserData('workflows/a b.json')).json()).toEqual({ nodes: [] });
  await api.moveUserData('workflows/a b.json', 'workflows/c.json');
  expect(await api.listUserDataV2('')).toContainEqual(expect.objectContaining({ path: 'workflows/c.json' }));
  await api.deleteUserData('workflows/c.json');
  expect(await api.listUserData('workflows')).toEqual([]);
  expect((await api.getTerminalLogs()).entries).toEqual(expect.any(Array));
});

test('an uploaded picture runs through image-to-prompt, with progress, and the plot is a picture', async () => {
  const uploaded = (await api.uploadImage(tiger, 'saintno.png', { override: true })) as { info: Json; url: string };
  expect(uploaded.info).toMatchObject({ filename: 'saintno.png', subfolder: '', type: 'input' });
  expect(Buffer.from(await (await fetch(uploaded.url)).arrayBuffer())).toEqual(tiger);

  const graph = template('image-to-prompt');
  graph['1'].inputs.image = 'saintno.png';
  Object.assign(graph['3'].inputs, { steps: 5, restarts: 1, length: 4, polish: 0 });
  const { result, progress, failed } = await call(graph, { prompt: '4', plot: '5' });
  expect(failed).toEqual([]);
  expect(result.prompt.text[0]).toMatch(/\w+/);
  expect(progress.length).toBeGreaterThan(0);
  expect(progress[0]).toMatchObject({ node: expect.any(String), max: expect.any(Number), value: expect.any(Number) });
  const plot = await api.getImage(result.plot.images[0]);
  expect(plot.type).toBe('image/png');
  const { format, width } = await sharp(Buffer.from(await plot.arrayBuffer())).metadata();
  expect({ format, wide: width > 100 }).toEqual({ format: 'png', wide: true });
});

test('ComfyUI’s first graph draws a picture with the checkpoint that is listed', async () => {
  const graph = template('text-to-image');
  const { result, progress, failed } = await call(graph, { drawn: '9' });
  expect(failed).toEqual([]);
  expect(progress.at(-1)).toMatchObject({ node: '3', value: 20, max: 20 });
  const drawn = await api.getImage(result.drawn.images[0]);
  const { format, width, height } = await sharp(Buffer.from(await drawn.arrayBuffer())).metadata();
  expect({ format, width, height }).toEqual({ format: 'png', width: 64, height: 64 });
});

test('the same graph again comes from the cache, with the same outputs', async () => {
  const graph = {
    1: { class_type: 'TestText', inputs: { text: 'kept' } },
    2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
  };
  const first = await call(graph, { shown: '2' });
  const second = await call(graph, { shown: '2' });
  expect(first.result).toEqual({ shown: { text: ['"kept"'] } });
  expect(second.result).toEqual(first.result);
});

test('previews arrive as pictures', async () => {
  const { previews } = await call({ 1: { class_type: 'TestPreview', inputs: { count: 20, ms: 20 } } }, { shown: '1' });
  expect(previews.length).toBeGreaterThan(0);
  expect(previews[0].type).toBe('image/jpeg');
});

test('what is wrong with a graph reaches onFailed', async () => {
  const { result, failed } = await call({ 1: { class_type: 'TestShow', inputs: {} } }, { shown: '1' });
  expect(result).toBe(false);
  expect(failed[0].cause).toMatchObject({
    error: { type: 'prompt_outputs_failed_validation' },
    node_errors: { 1: { class_type: 'TestShow', errors: [{ type: 'required_input_missing', details: 'value' }] } },
  });
});

/** A graph that goes on once the SDK has seen progress, so that it listens before the rest happens. */
function gated(name: string, rest: Json) {
  const path = join(server.dataDir, name);
  const graph = { 1: { class_type: 'TestUntilFile', inputs: { path } }, ...rest };
  return { graph, open: () => writeFileSync(path, '') };
}

test('a node that fails reaches onFailed with node, type and message', async () => {
  const { graph, open } = gated('fail', {
    2: { class_type: 'TestFail', inputs: { message: 'no luck', value: ['1', 0] } },
    3: { class_type: 'TestShow', inputs: { value: ['2', 0] } },
  });
  const { result, failed } = await call(graph, { shown: '3' }, { progress: open });
  expect(result).toBe(false);
  expect(failed[0].cause).toMatchObject({ node_id: '2', node_type: 'TestFail' });
  expect(failed[0].cause.exception_message).toContain('no luck');
});

test('an interrupt reaches onFailed, and the next graph runs', async () => {
  const { graph } = gated('never', { 2: { class_type: 'TestShow', inputs: { value: ['1', 0] } } });
  const asked: Promise<void>[] = [];
  const { result, failed } = await call(
    graph,
    { shown: '2' },
    {
      progress: () => {
        if (asked.length === 0) asked.push(api.interrupt());
      },
    },
  );
  expect(result).toBe(false);
  expect(failed[0].message).toContain('interrupted');
  const next = await call({ 1: { class_type: 'TestShow', inputs: { value: 'on' } } }, { shown: '1' });
  expect(next.result).toEqual({ shown: { text: ['"on"'] } });
});

test('queue, history and memory', async () => {
  const { graph, open } = gated('queue', { 2: { class_type: 'TestShow', inputs: { value: ['1', 0] } } });
  const running = await api.appendPrompt(graph);
  const waiting = await api.appendPrompt({ 1: { class_type: 'TestShow', inputs: { value: 1 } } });
  expect((await api.getQueue()).queue_pending.map((item: Json) => item[1])).toContain(waiting.prompt_id);
  await api.manageQueue({ delete: [waiting.prompt_id] });
  open();
  await server.ended(running.prompt_id);
  expect(await api.getHistory(waiting.prompt_id)).toBeUndefined();
  expect((await api.getHistories())[running.prompt_id]).toMatchObject({ status: { completed: true } });
  await api.clearHistory({ delete: [running.prompt_id] });
  expect(await api.getHistory(running.prompt_id)).toBeUndefined();
  expect(await api.freeMemory(false, true)).toBe(true);
});

test('a pool of clients runs many graphs at once, and each gets its own outputs', async () => {
  const script = join(import.meta.dirname, 'saintno-pool.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [script, server.url]);
  expect(JSON.parse(stdout)).toEqual(Array.from({ length: 9 }, (_, i) => `["graph ${i}"]`));
});
