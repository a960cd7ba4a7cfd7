// A checkpoint in one .safetensors file through a real server: listed with what it is, drawn with ComfyUI's first graph, and its errors on the node.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { loadCheckpoint } from '../../engine/diffusion/checkpoint.ts';
import { withClipSkip } from '../../engine/diffusion/prompt-model.ts';
import { sample } from '../../engine/diffusion/sample.ts';
import { useCache } from '../diffusion/weights-cache.ts';
import { writeCheckpoint } from '../helpers/checkpoint-file.ts';
import { type Json, startTestServer, type TestServer } from '../helpers/server.ts';

const folder = mkdtempSync(join(tmpdir(), 'pez-weights-'));
useCache(join(folder, 'cache'));
let server: TestServer;
beforeAll(async () => {
  mkdirSync(join(folder, 'checkpoints'));
  writeCheckpoint('sd1', join(folder, 'checkpoints/tiny.safetensors'));
  writeCheckpoint('xl', join(folder, 'checkpoints/bare.safetensors'), (tensors) => {
    for (const name of Object.keys(tensors)) if (name.startsWith('first_stage_model.')) delete tensors[name];
  });
  server = await startTestServer({ modelsDirs: [folder] });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const graph = (ckpt_name: string): Json => ({
  '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name } },
  '2': { class_type: 'CLIPSetLastLayer', inputs: { clip: ['1', 1], stop_at_clip_layer: -2 } },
  '3': { class_type: 'CLIPTextEncode', inputs: { clip: ['2', 0], text: 'the red cat' } },
  '4': { class_type: 'CLIPTextEncode', inputs: { clip: ['2', 0], text: '' } },
  '5': { class_type: 'EmptyLatentImage', inputs: { width: 16, height: 16, batch_size: 1 } },
  '6': {
    class_type: 'KSampler',
    inputs: {
      model: ['1', 0],
      positive: ['3', 0],
      negative: ['4', 0],
      latent_image: ['5', 0],
      seed: 3,
      steps: 4,
      cfg: 5,
      sampler_name: 'euler',
      scheduler: 'normal',
      denoise: 1,
    },
  },
  '7': { class_type: 'VAEDecode', inputs: { samples: ['6', 0], vae: ['1', 2] } },
  '8': { class_type: 'SaveImage', inputs: { images: ['7', 0], filename_prefix: 'tiny' } },
});

test('the drop-down tells what the files are', async () => {
  const options = async () =>
    (await server.get('/object_info/CheckpointLoaderSimple')).CheckpointLoaderSimple.input.required.ckpt_name;
  let [names, { tooltip }] = await options();
  // Headers are read one by one, while nothing else waits.
  const isRead = () => ['SD 1.5', 'SD XL'].every((label) => tooltip.includes(label));
  for (let tries = 0; tries < 500 && !isRead(); tries++) [names, { tooltip }] = await options();
  expect(names).toEqual(expect.arrayContaining(['bare.safetensors', 'tiny.safetensors']));
  expect(tooltip).toContain('SD 1.5: tiny.safetensors');
  expect(tooltip).toContain('SD XL without VAE: bare.safetensors');
});

test("ComfyUI's graph draws what the engine draws", async () => {
  const { history } = await server.run(graph('tiny.safetensors'));
  expect(history.status.status_str).toBe('success');
  const [{ filename }] = history.outputs['8'].images;
  const pixels = await sharp(join(server.dataDir, 'output', filename))
    .raw()
    .toBuffer();
  const { model, clip, vae, release } = await loadCheckpoint(join(folder, 'checkpoints/tiny.safetensors'));
  const skipped = withClipSkip(clip, -2);
  const latent = await sample({
    model,
    positive: await skipped.encode('the red cat'),
    negative: await skipped.encode(''),
    latent: { shape: [1, 4, 8, 8], data: new Float32Array(256) },
    seed: 3,
    steps: 4,
    cfg: 5,
    sampler: 'euler',
    scheduler: 'normal',
  });
  const { data } = await vae.decode(latent);
  await release();
  expect(pixels).toHaveLength(16 * 16 * 3);
  pixels.forEach((value, i) => {
    expect(Math.abs(value - 255 * data[i])).toBeLessThan(1);
  });
});

test('a part that the file lacks is told on the node that needs it', async () => {
  const { history } = await server.run(graph('bare.safetensors'));
  expect(history.status.status_str).toBe('error');
  const [, failure] = history.status.messages.find(([type]: [string]) => type === 'execution_error');
  expect(failure).toMatchObject({ node_id: '7', exception_message: expect.stringContaining('has no VAE baked in') });
});
