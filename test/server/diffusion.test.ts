// Drawing through the server: ComfyUI's default graph, previews over the socket, interrupting, models of the data folder, devices.
import { cpSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sharp } from '../../engine/clip/libraries.ts';
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

test('ComfyUI’s default graph runs unchanged but for the checkpoint, with progress and previews', async () => {
  const { messages, history } = await server.run(defaultGraph());
  expect(history.status.status_str).toBe('success');
  const [{ filename }] = history.outputs['9'].images;
  const picture = await sharp(readFileSync(join(server.dataDir, 'output', filename))).metadata();
  expect(picture).toMatchObject({ format: 'png', width: 512, height: 512 });
  const steps = messages.flatMap((m) => (!Buffer.isBuffer(m) && m.type === 'progress' ? [m.data] : []));
  expect(messages.some((m) => Buffer.isBuffer(m))).toBe(true);
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

test('an interrupt ends the drawing within a step', async () => {
  const socket = await server.socket('interrupter');
  const graph = defaultGraph('sd15', { ...small, KSampler: { steps: 10_000 } });
  const promptId = await server.queue(graph, { client_id: 'interrupter' });
  await socket.nextOf('progress');
  await server.post('/interrupt', {});
  const { status } = await server.ended(promptId);
  expect(status.messages.at(-1)[0]).toBe('execution_interrupted');
  await socket.close();
});

test('5: checkpoints of the data folder are offered in ComfyUI’s legacy form', async () => {
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
  await expect(startTestServer({ device: 'abacus', dataDir: server.dataDir })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
});
