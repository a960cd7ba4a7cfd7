// A user's own files through the server: a checkpoint and a LoRA in .safetensors, from the lists to a picture.
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeCheckpoint } from '../helpers/checkpoint-file.ts';
import { f32, writeSafetensors } from '../helpers/safetensors-file.ts';
import { type Json, startTestServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
let dataDir: string;
const cacheBefore = process.env.HF_HOME;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'pez-own-weights-'));
  process.env.HF_HOME = join(dataDir, 'cache');
  for (const folder of ['checkpoints/mine', 'loras']) mkdirSync(join(dataDir, 'models', folder), { recursive: true });
  writeCheckpoint('sd1', join(dataDir, 'models/checkpoints/mine/tiny.safetensors'));
  const ones = (...shape: number[]) => f32(shape, Array(shape.reduce((a, b) => a * b)).fill(1));
  const layers = {
    lora_unet_mid_block_resnets_0_conv1: [4, 4, 3, 3],
    lora_te_text_model_encoder_layers_0_mlp_fc2: [12, 24],
  };
  const tensors = Object.entries(layers).flatMap(([name, [out, ...rest]]) => [
    [`${name}.lora_up.weight`, ones(out, 1, ...rest.slice(1).map(() => 1))],
    [`${name}.lora_down.weight`, ones(1, ...rest)],
  ]);
  writeSafetensors(join(dataDir, 'models/loras/style.safetensors'), Object.fromEntries(tensors));
  server = await startTestServer({ dataDir });
});
afterAll(async () => {
  await server.close();
  process.env.HF_HOME = cacheBefore;
});

const loader = { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'mine/tiny.safetensors' } };
const lora = (strength: number): Json => ({
  class_type: 'LoraLoader',
  inputs: {
    model: ['4', 0],
    clip: ['4', 1],
    lora_name: 'style.safetensors',
    strength_model: strength,
    strength_clip: strength,
  },
});

/** `from`: where MODEL and CLIP come from. */
const graph = (nodes: Record<string, Json>, from: string) => ({
  '3': {
    class_type: 'KSampler',
    inputs: {
      ...{ seed: 1, steps: 2, cfg: 2, sampler_name: 'euler', scheduler: 'normal', denoise: 1 },
      ...{ model: [from, 0], positive: ['6', 0], negative: ['7', 0], latent_image: ['5', 0] },
    },
  },
  '4': loader,
  '5': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
  '6': { class_type: 'CLIPTextEncode', inputs: { text: 'a red fox', clip: [from, 1] } },
  '7': { class_type: 'CLIPTextEncode', inputs: { text: 'blurry', clip: [from, 1] } },
  '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['4', 2] } },
  '9': { class_type: 'SaveImage', inputs: { filename_prefix: 'own', images: ['8', 0] } },
  ...nodes,
});

async function draw(nodes: Record<string, Json>, from: string): Promise<string> {
  const { outputs, status } = await server.ended(await server.queue(graph(nodes, from)));
  expect(status.messages.at(-1)).toEqual(['execution_success', expect.anything()]);
  const { filename } = outputs['9'].images[0];
  return readFileSync(join(dataDir, 'output', filename)).toString('base64');
}

test('the lists have the files, by the names that ComfyUI gives them', async () => {
  const names = async (type: string, input: string) =>
    (await server.get(`/object_info/${type}`))[type].input.required[input][0];
  expect(await names('CheckpointLoaderSimple', 'ckpt_name')).toContain('mine/tiny.safetensors');
  expect(await names('LoraLoader', 'lora_name')).toEqual(['style.safetensors']);
  expect(await server.get('/models/loras')).toEqual(['style.safetensors']);
});

test('a checkpoint draws, and a LoRA changes the picture by its strength', async () => {
  const plain = await draw({}, '4');
  const [full, none, half] = [
    await draw({ '10': lora(1) }, '10'),
    await draw({ '10': lora(0) }, '10'),
    await draw({ '10': lora(0.5) }, '10'),
  ];
  expect(none).not.toBe(full);
  expect(new Set([plain, full, half]).size).toBe(3);
});

test('a name that is not in the lists is refused before anything runs', async () => {
  for (const name of [
    '../checkpoints/mine/tiny.safetensors',
    'none.safetensors',
    `${dataDir}/models/loras/style.safetensors`,
  ]) {
    const node = { class_type: 'LoraLoader', inputs: { ...lora(1).inputs, lora_name: name } };
    const { status, body } = await server.post('/prompt', { prompt: graph({ '10': node }, '10') });
    expect(status).toBe(400);
    expect(body.node_errors['10'].errors[0].type).toBe('value_not_in_list');
  }
});
