// Drawing through the server: ComfyUI's default graph, previews over the socket, interrupting, models of the data folder, devices.
// (protocol: Node descriptions)
import { cpSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { checkpointDir } from '../diffusion/fixture.ts';
import { type Json, startTestServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'pez-diffusion-'));
  for (const name of ['sd15', 'sdxl'])
    cpSync(checkpointDir(name), join(dataDir, 'models/checkpoints', name), { recursive: true });
  mkdirSync(join(dataDir, 'models/checkpoints/safetensors only'));
  server = await startTestServer({ dataDir });
});
afterAll(() => server.close());

/** The graph with which ComfyUI's front end starts; only the checkpoint's name is another. */
const defaultGraph = (ckpt_name = 'sd15', changes: Record<string, Json> = {}) => ({
  '3': {
    class_type: 'KSampler',
    inputs: {
      seed: 156680208700286,
      steps: 20,
      cfg: 8,
      sampler_name: 'euler',
      scheduler: 'normal',
      denoise: 1,
      model: ['4', 0],
      positive: ['6', 0],
      negative: ['7', 0],
      latent_image: ['5', 0],
      ...changes.KSampler,
    },
  },
  '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name } },
  '5': {
    class_type: 'EmptyLatentImage',
    inputs: { width: 512, height: 512, batch_size: 1, ...changes.EmptyLatentImage },
  },
  '6': {
    class_type: 'CLIPTextEncode',
    inputs: { text: 'beautiful scenery nature glass bottle landscape, , purple galaxy bottle,', clip: ['4', 1] },
  },
  '7': { class_type: 'CLIPTextEncode', inputs: { text: 'text, watermark', clip: ['4', 1] } },
  '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['4', 2] } },
  '9': { class_type: 'SaveImage', inputs: { filename_prefix: 'ComfyUI', images: ['8', 0] } },
});
const small = { EmptyLatentImage: { width: 64, height: 64 } };

test('ComfyUI’s default graph draws, unchanged but for the checkpoint, and ends within a step of an interrupt', async () => {
  const socket = await server.socket('watcher');
  const promptId = await server.queue(defaultGraph(), { client_id: 'watcher' });
  expect((await socket.nextOf('progress')).data).toMatchObject({ node: '3', value: 1, max: 20 });
  await server.post('/interrupt', {});
  const { status } = await server.ended(promptId);
  expect(status.messages.at(-1)[0]).toBe('execution_interrupted');
  await socket.close();
});

test('previews are JPEGs of the picture’s size', async () => {
  const socket = await server.socket('viewer');
  const promptId = await server.queue(defaultGraph('sd15', { ...small, KSampler: { steps: 10_000 } }), {
    client_id: 'viewer',
    extra_data: { preview_method: 'auto' },
  });
  let message = await socket.next();
  while (!Buffer.isBuffer(message)) message = await socket.next();
  const jpeg = message.subarray(message.indexOf(Buffer.from([0xff, 0xd8])));
  expect(await sharp(jpeg).metadata()).toMatchObject({ format: 'jpeg', width: 64, height: 64 });
  await server.post('/interrupt', {});
  await server.ended(promptId);
  await socket.close();
});

test('it saves a picture of the size asked for, and every step moves the progress bar', async () => {
  const { messages, history } = await server.run(
    defaultGraph('sd15', { EmptyLatentImage: { width: 128, height: 64 } }),
  );
  expect(history.status.status_str).toBe('success');
  const [{ filename }] = history.outputs['9'].images;
  const picture = await sharp(readFileSync(join(server.dataDir, 'output', filename))).metadata();
  expect(picture).toMatchObject({ format: 'png', width: 128, height: 64 });
  const steps = messages.flatMap((m) => (!Buffer.isBuffer(m) && m.type === 'progress' ? [m.data] : []));
  expect(steps.at(-1)).toMatchObject({ node: '3', value: 20, max: 20 });
});

test('the same seed gives the same picture bit for bit, and an SDXL checkpoint runs too', async () => {
  const pixels = async (name: string, seed: number) => {
    const { history } = await server.run(defaultGraph(name, { ...small, KSampler: { steps: 2, seed } }));
    const [{ filename }] = history.outputs['9'].images;
    return sharp(readFileSync(join(server.dataDir, 'output', filename)))
      .raw()
      .toBuffer();
  };
  const first = await pixels('sd15', 7);
  await pixels('sdxl', 8);
  expect((await pixels('sd15', 7)).equals(first)).toBe(true);
  expect((await pixels('sd15', 8)).equals(first)).toBe(false);
});

test('from a picture over its prompt to a picture: the whole chain, and PEZ Rerank over the candidates', async () => {
  const search = { images: ['1', 0], clip: ['2', 0], preset: 'custom', length: 4, seed: 1, steps: 4, restarts: 2 };
  const drawing = { seed: 1, steps: 2, cfg: 5, sampler_name: 'dpmpp_2m', scheduler: 'karras', denoise: 1 };
  const { history } = await server.run({
    ...defaultGraph('sd15', { ...small, KSampler: { steps: 2 } }),
    '1': { class_type: 'LoadImage', inputs: { image: 'tiger.png' } },
    '2': { class_type: 'CLIPLoader', inputs: { clip_name: 'pico-clip' } },
    '6': { class_type: 'CLIPTextEncode', inputs: { text: ['10', 0], clip: ['4', 1] } },
    '10': { class_type: 'PEZInvert', inputs: search },
    '11': {
      class_type: 'PEZRerank',
      inputs: {
        candidates: ['10', 4],
        source: ['1', 0],
        judge: ['2', 0],
        model: ['4', 0],
        clip: ['4', 1],
        vae: ['4', 2],
        latent_image: ['5', 0],
        count: 2,
        seeds: 2,
        negative: '',
        ...drawing,
      },
    },
    '12': { class_type: 'PreviewImage', inputs: { images: ['11', 3] } },
    '13': { class_type: 'PreviewAny', inputs: { source: ['11', 0] } },
  });
  expect(history.status.status_str).toBe('success');
  expect(history.outputs['9'].images).toHaveLength(1);
  expect(history.outputs['12'].images).toHaveLength(4);
  expect(history.outputs['11'].text[0]).toContain(history.outputs['13'].text[0]);
});

test('checkpoints of the data folder are offered in ComfyUI’s legacy form', async () => {
  const info = await server.get('/object_info/CheckpointLoaderSimple');
  const [names] = info.CheckpointLoaderSimple.input.required.ckpt_name;
  expect(names).toEqual(expect.arrayContaining(['sd15', 'sdxl']));
  expect(names).not.toContain('safetensors only');
  const { KSampler } = await server.get('/object_info/KSampler');
  expect(KSampler.input.required.sampler_name[0]).toEqual(expect.arrayContaining(['euler', 'dpmpp_2m', 'lcm']));
  expect(KSampler.input.required.scheduler[0]).toEqual(expect.arrayContaining(['normal', 'karras']));
  expect((await server.post('/prompt', { prompt: defaultGraph('nothing') })).status).toBe(400);
});

test('a device that there is not is refused at the start', async () => {
  await expect(startTestServer({ device: 'abacus', dataDir: server.dataDir })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
  });
});
