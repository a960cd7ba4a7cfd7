// .safetensors through ComfyUI's loaders on a real server: whole checkpoints, parts in files of their own, towers of a CLIP.
// (protocol: Node descriptions)
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { writeCheckpoint } from '../helpers/checkpoint-file.ts';
import { f32, writeSafetensors } from '../helpers/safetensors-file.ts';
import type { Json } from '../helpers/server.ts';
import { writeSplitClip, writeTextTower } from '../helpers/split-clip.ts';
import { type HubServer, startHubServer } from '../security/hub-server.ts';

const outside = mkdtempSync(join(tmpdir(), 'pez-weights-'));
const models = join(outside, 'models');

function at(name: string): string {
  const path = join(models, name);
  mkdirSync(dirname(path), { recursive: true });
  return path;
}

/** Only the weights under `prefix`, as files of parts have them. */
const writePart = (family: string, prefix: string, name: string) =>
  writeCheckpoint(family, at(name), (tensors, metadata) => {
    for (const [key, tensor] of Object.entries(tensors)) {
      delete tensors[key];
      if (key.startsWith(prefix)) tensors[key.slice(prefix.length)] = tensor;
    }
    const { unet, vae, text_encoder, text_encoder_2 } = JSON.parse(metadata.config);
    const parts: Json = { 'first_stage_model.': { vae }, 'model.diffusion_model.': { unet } };
    const second = prefix.includes('embedders.1') ? text_encoder_2 : text_encoder;
    metadata.config = JSON.stringify(parts[prefix] ?? { text_encoder: second });
  });

/** In a process of its own, whose cache is in the folder of this test. */
let server: HubServer;
beforeAll(async () => {
  writeCheckpoint('sd1', at('checkpoints/SD 1/tiny.safetensors'));
  writeCheckpoint('xl', at('checkpoints/xl.safetensors'));
  writeSafetensors(at('checkpoints/flux.safetensors'), {
    'model.diffusion_model.double_blocks.0.img_attn.norm.key_norm.scale': f32([1], [0]),
  });
  writePart('sd1', 'model.diffusion_model.', 'unet/sd1.safetensors');
  writePart('sd1', 'cond_stage_model.transformer.', 'text_encoders/clip_l.safetensors');
  writePart('sd1', 'first_stage_model.', 'elsewhere/vae.safetensors');
  mkdirSync(join(models, 'vae'));
  symlinkSync('../elsewhere/vae.safetensors', join(models, 'vae/linked.safetensors'));
  writePart('xl', 'conditioner.embedders.0.transformer.', 'text_encoders/xl_l.safetensors');
  writePart('xl', 'conditioner.embedders.1.model.', 'text_encoders/xl_g.safetensors');
  writeSplitClip(join(models, 'clip/towers/text'), join(models, 'clip_vision/eyes'));
  writeTextTower(join(models, 'clip/alone'));
  server = await startHubServer({ endpoint: 'http://127.0.0.1:9' }, outside, { modelsDirs: [models] });
});
afterAll(async () => {
  await server.close();
  rmSync(outside, { recursive: true });
});

const node = (class_type: string, inputs: object) => ({ class_type, inputs });

/** Draws with the given MODEL, CLIP and VAE; returns the pixels. */
async function draw(
  loaders: object,
  links: Record<'model' | 'clip' | 'vae', [string, number]>,
  side = 16,
): Promise<Buffer> {
  const history = await server.run({
    ...loaders,
    '5': node('CLIPTextEncode', { text: 'the red cat', clip: links.clip }),
    '6': node('EmptyLatentImage', { width: side, height: side, batch_size: 1 }),
    '7': node('KSampler', {
      ...{ model: links.model, positive: ['5', 0], negative: ['5', 0], latent_image: ['6', 0] },
      ...{ seed: 3, steps: 2, cfg: 1, sampler_name: 'euler', scheduler: 'normal', denoise: 1 },
    }),
    '8': node('VAEDecode', { samples: ['7', 0], vae: links.vae }),
    '9': node('SaveImage', { filename_prefix: 'x', images: ['8', 0] }),
  });
  expect([history.status.status_str, history.status.messages.at(-1)[1].exception_message]).toEqual([
    'success',
    undefined,
  ]);
  const [{ filename }] = history.outputs['9'].images;
  return sharp(readFileSync(join(server.dataDir, 'output', filename)))
    .raw()
    .toBuffer();
}

const whole = (ckpt_name: string) =>
  draw({ '1': node('CheckpointLoaderSimple', { ckpt_name }) }, { model: ['1', 0], clip: ['1', 1], vae: ['1', 2] });

test('parts in files of their own, one of them behind a link, draw what their checkpoint draws', async () => {
  const parts = {
    '1': node('UNETLoader', { unet_name: 'sd1.safetensors', weight_dtype: 'fp8_e4m3fn' }),
    '2': node('CLIPLoader', { clip_name: 'clip_l.safetensors', type: 'stable_diffusion' }),
    '3': node('VAELoader', { vae_name: 'linked.safetensors' }),
  };
  // A U-Net alone is for a VAE of scale 8; that of the fixture has 2.
  const drawn = await draw(parts, { model: ['1', 0], clip: ['2', 0], vae: ['3', 0] }, 64);
  expect(drawn.equals(await whole('SD 1/tiny.safetensors'))).toBe(true);
});

test('DualCLIPLoader gives the CLIP of an XL checkpoint, whichever file comes first', async () => {
  const loaders = {
    '1': node('CheckpointLoaderSimple', { ckpt_name: 'xl.safetensors' }),
    '2': node('DualCLIPLoader', { clip_name1: 'xl_g.safetensors', clip_name2: 'xl_l.safetensors', type: 'sdxl' }),
  };
  const drawn = await draw(loaders, { model: ['1', 0], clip: ['2', 0], vae: ['1', 2] });
  expect(drawn.equals(await whole('xl.safetensors'))).toBe(true);
});

const search = { preset: 'custom', length: 2, seed: 1, steps: 2, restarts: 1 };
const inversion = (more: object) => ({
  '1': node('LoadImage', { image: 'tiger.png' }),
  '2': node('CLIPLoader', { clip_name: 'towers/text/model.safetensors' }),
  '3': node('CLIPVisionLoader', { clip_name: 'eyes/model.safetensors' }),
  '4': node('PEZInvert', { images: ['1', 0], clip: ['2', 0], ...search, ...more }),
  '5': node('PreviewAny', { source: ['4', 0] }),
});

test('PEZ Invert takes the text tower from one file and the picture tower from another', async () => {
  const history = await server.run(inversion({ clip_vision: ['3', 0] }));
  expect(history.status.status_str).toBe('success');
  expect(history.outputs['5'].text[0]).toMatch(/\S/);
  const alone = (await server.run(inversion({}))).status.messages.at(-1);
  expect([alone[0], alone[1].exception_message]).toEqual([
    'execution_error',
    expect.stringMatching(/cannot read images: it holds the text tower of a CLIP alone/),
  ]);
});

test('a text encoder that cannot judge says why', async () => {
  const history = await server.run({
    ...inversion({}),
    '2': node('CLIPLoader', { clip_name: 'alone' }),
  });
  expect(history.status.messages.at(-1)[1].exception_message).toMatch(/without text_projection/);
});

test('types of text encoders that cannot run here are refused by their name', async () => {
  const refused = async (class_type: string, inputs: object): Promise<string> => {
    const prompt = { '1': node(class_type, inputs), '2': node('TestSink', { value: ['1', 0] }) };
    return (await server.post('/prompt', { prompt })).body.node_errors['1'].errors[0].details;
  };
  expect(await refused('CLIPLoader', { clip_name: 'clip_l.safetensors', type: 'sd3' })).toMatch(
    /text encoders of the type sd3 are not CLIPs, or belong to models that cannot run here; stable_diffusion can\./,
  );
  const names = { clip_name1: 'clip_l.safetensors', clip_name2: 'xl_g.safetensors' };
  expect(await refused('DualCLIPLoader', { ...names, type: 'flux' })).toMatch(/of the type flux .* sdxl can\./);
});

test('drop-downs tell what is in the files; what cannot be loaded says what it is', async () => {
  const tooltip = async (): Promise<string> =>
    (await server.get('/object_info/CheckpointLoaderSimple')).CheckpointLoaderSimple.input.required.ckpt_name[1]
      .tooltip;
  let told = await tooltip();
  for (let tries = 0; tries < 500 && !told.includes('SD XL'); tries++) told = await tooltip();
  expect(told).toMatch(
    /SD 1\.5: SD 1\/tiny\.safetensors\. SD XL: xl\.safetensors\. Not supported: flux\.safetensors \(Flux/,
  );
  const prompt = {
    '1': node('CheckpointLoaderSimple', { ckpt_name: 'flux.safetensors' }),
    '2': node('TestSink', { value: ['1', 0] }),
  };
  expect((await server.run(prompt)).status.messages.at(-1)[1].exception_message).toMatch(/Flux/);
});

test('a file that is taken away while the server runs is not found by its name, and no other is taken', async () => {
  const moved = at('elsewhere/sd1.safetensors');
  renameSync(join(models, 'unet/sd1.safetensors'), moved);
  const prompt = {
    '1': node('UNETLoader', { unet_name: 'sd1.safetensors', weight_dtype: 'default' }),
    '2': node('TestSink', { value: ['1', 0] }),
  };
  const { body } = await server.post('/prompt', { prompt });
  expect(body.node_errors['1'].errors[0].details).toMatch(/Put the file into models\/diffusion_models/);
});
