// comfy-ui-client, a client that others wrote, against a real server.
// (protocol: What clients rely on; Uploads; Order of events; Cached results; Validation errors; Every route)
// (protocol: Interrupt and free)
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { ComfyUIClient } from 'comfy-ui-client';
import sharp from 'sharp';
import { type Json, startTestServer, type TestServer } from '../helpers/server.ts';

const tiger = readFileSync(join(import.meta.dirname, '../../examples/tiger.png'));

let server: TestServer;
let client: ComfyUIClient;

beforeAll(async () => {
  // The client logs to stdout and offers no way to stop it.
  jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  const { ComfyUIClient } = await import('comfy-ui-client');
  server = await startTestServer();
  client = new ComfyUIClient(`127.0.0.1:${server.port}`, 'comfy-ui-client-tests');
  await client.connect();
});
afterAll(async () => {
  await client.disconnect();
  await server.close();
  jest.restoreAllMocks();
});

test('it reads the system, the queue, nodes and lists', async () => {
  expect(await client.getSystemStats()).toMatchObject({ system: { os: process.platform } });
  expect(await client.getPrompt()).toEqual({ exec_info: { queue_remaining: 0 } });
  expect(await client.getQueue()).toEqual({ queue_running: [], queue_pending: [] });
  expect(Object.keys(await client.getObjectInfo())).toContain('PEZInvert');
  expect(await client.getObjectInfo('SaveImage')).toMatchObject({ SaveImage: { output_node: true } });
  expect(await client.getEmbeddings()).toEqual([]);
  expect(await client.getExtensions()).toEqual(expect.any(Array));
});

test('an uploaded picture is scaled, saved, listed in the history at the last event, and fetched', async () => {
  expect(await client.uploadImage(tiger, 'cuc.png', true)).toEqual({ name: 'cuc.png', subfolder: '', type: 'input' });
  const images = await client.getImages({
    1: { class_type: 'LoadImage', inputs: { image: 'cuc.png' } },
    2: {
      class_type: 'ImageScale',
      inputs: { image: ['1', 0], upscale_method: 'bilinear', width: 40, height: 30, crop: 'disabled' },
    },
    3: { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'cuc/scaled' } },
    4: { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
  });
  expect(Object.keys(images)).toEqual(['3', '4']);
  expect(images['3'][0].image).toEqual({ filename: 'scaled_00001_.png', subfolder: 'cuc', type: 'output' });
  expect(images['4'][0].image).toMatchObject({ filename: expect.stringMatching(/^ComfyUI_temp_\w{5}_00001_\.png$/) });
  const folder = join(server.dataDir, 'fetched');
  mkdirSync(folder);
  await client.saveImages(images, folder);
  expect(await sharp(join(folder, 'scaled_00001_.png')).metadata()).toMatchObject({
    format: 'png',
    width: 40,
    height: 30,
  });
});

test('the same graph again comes from the cache with the same files', async () => {
  const graph = {
    1: { class_type: 'LoadImage', inputs: { image: 'tiger.png' } },
    2: { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'again' } },
  };
  const [first, second] = [await client.getImages(graph), await client.getImages(graph)];
  expect(second['2'][0].image).toEqual(first['2'][0].image);
});

test('a graph that cannot run is an error with the reason', async () => {
  const refused = client.getImages({ 1: { class_type: 'SaveImage', inputs: { filename_prefix: 'x' } } });
  await expect(refused).rejects.toThrow(/prompt_outputs_failed_validation.*required_input_missing/);
  await expect(client.queuePrompt({ 1: { class_type: 'Nope', inputs: {} } })).rejects.toThrow(/missing_node_type/);
});

test('a node that fails ends the wait as well, and its error stands in the history', async () => {
  const graph = {
    1: { class_type: 'TestFail', inputs: { message: 'no luck' } },
    2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
  };
  expect(await client.getImages(graph)).toEqual({});
  const entry: Json = Object.values(await client.getHistory()).at(-1);
  expect(entry.status).toMatchObject({ status_str: 'error', completed: false });
  expect(entry.status.messages.at(-1)).toMatchObject(['execution_error', { node_id: '1', node_type: 'TestFail' }]);
});

test('an interrupt is heeded, though the client stumbles over its empty answer, as it does with ComfyUI', async () => {
  const graph = {
    1: { class_type: 'TestUntilFile', inputs: { path: join(server.dataDir, 'never') } },
    2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
  };
  const { prompt_id } = await client.queuePrompt(graph);
  await server.running(prompt_id);
  await expect(client.interrupt()).rejects.toThrow(/JSON/);
  expect((await server.ended(prompt_id)).status.messages.at(-1)[0]).toBe('execution_interrupted');
});
