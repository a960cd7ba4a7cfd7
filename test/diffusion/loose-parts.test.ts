// U-Net, text encoders and VAE in files of their own, as ComfyUI's loaders take them: the same numbers as in the checkpoint that they were cut from.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Checkpoint, loadCheckpoint } from '../../engine/diffusion/checkpoint.ts';
import { loadDiffusionModel, loadPromptModel, loadVae } from '../../engine/diffusion/loose-parts.ts';
import { CHECKPOINTS, writeCheckpoint } from '../helpers/checkpoint-file.ts';
import { copyTo, useCache } from './weights-cache.ts';

const folder = mkdtempSync(join(tmpdir(), 'loose-parts-'));
useCache(join(folder, 'cache'));
const checkpoints: Record<string, Checkpoint> = {};
beforeAll(async () => {
  for (const family of ['sd1', 'sd2', 'xl'])
    checkpoints[family] = await loadCheckpoint(writeCheckpoint(family, join(folder, `${family}.safetensors`)));
});
afterAll(async () => {
  for (const checkpoint of Object.values(checkpoints)) await checkpoint.release();
  rmSync(folder, { recursive: true });
});

/** Only the weights under `prefix`, renamed to stand under `renamed`; of the configuration only what `part` says, as `as`. */
function cut(
  family: string,
  prefix: string,
  { renamed = '', part, as = part }: { renamed?: string; part: string; as?: string },
): string {
  return writeCheckpoint(family, join(folder, `${family}-${part}-${renamed}.safetensors`), (tensors, metadata) => {
    for (const [name, tensor] of Object.entries(tensors)) {
      delete tensors[name];
      if (name.startsWith(prefix)) tensors[renamed + name.slice(prefix.length)] = tensor;
    }
    metadata.config = JSON.stringify({ [as]: JSON.parse(metadata.config)[part] });
  });
}

const call = {
  shape: [1, 4, 8, 8] as const,
  sample: Float32Array.from({ length: 256 }, (_, i) => Math.sin(i)),
  timestep: 500,
  states: Float32Array.from({ length: 77 * 12 }, (_, i) => Math.cos(i)),
  length: 77,
  width: 12,
  timeIds: [16, 16, 0, 0, 16, 16],
  guidance: 4,
};

test.each(['', 'diffusion_model.', 'model.diffusion_model.'])(
  'a U-Net by itself under "%s" predicts as in its checkpoint',
  async (renamed) => {
    const path = cut('sd2', 'model.diffusion_model.', { renamed, part: 'unet' });
    const model = loadDiffusionModel(path);
    expect(model.levels.prediction).toBe('v_prediction');
    expect(model.vae.scalingFactor).toBe(0.18215);
    expect(await model.unet.run(call)).toEqual(await checkpoints.sd2.model.unet.run(call));
    await model.unet.model.release();
  },
);

test("a U-Net in diffusers' names takes the configuration beside it", async () => {
  const path = join(CHECKPOINTS, 'sd1/unet/diffusion_pytorch_model.safetensors');
  const model = loadDiffusionModel(path, { prediction: 'sample' });
  expect(model.levels.prediction).toBe('sample');
  expect(await model.unet.run(call)).toEqual(await checkpoints.sd1.model.unet.run(call));
  await model.unet.model.release();
});

test('a VAE by itself, in either names, decodes and encodes as in its checkpoint', async () => {
  const latent = { shape: [1, 4, 8, 8] as const, data: call.sample };
  const expected = await checkpoints.sd1.vae.decode(latent);
  const paths = [
    cut('sd1', 'first_stage_model.', { part: 'vae' }),
    join(CHECKPOINTS, 'sd1/vae/diffusion_pytorch_model.safetensors'),
    join(folder, 'sd1.safetensors'),
  ];
  for (const path of paths) {
    const vae = loadVae(path);
    expect(await vae.decode(latent)).toEqual(expected);
    expect(await vae.encode(expected)).toEqual(await checkpoints.sd1.vae.encode(expected));
    await vae.decoder.release();
    await vae.encoder.release();
  }
});

test("one text encoder is Stable Diffusion 1's, two in any order are XL's", async () => {
  const one = loadPromptModel([cut('sd1', 'cond_stage_model.transformer.', { part: 'text_encoder' })]);
  expect(await one.encode('the (red:1.3) cat')).toEqual(await checkpoints.sd1.clip.encode('the (red:1.3) cat'));
  const l = cut('xl', 'conditioner.embedders.0.transformer.', { part: 'text_encoder' });
  const g = cut('xl', 'conditioner.embedders.1.model.', { part: 'text_encoder_2', as: 'text_encoder' });
  const two = loadPromptModel([g, l], { type: 'sdxl' });
  expect(await two.encode('the red cat')).toEqual(await checkpoints.xl.clip.encode('the red cat'));
});

test('a folder of transformers brings its own tokenizer and configuration', async () => {
  const dir = copyTo(join(folder, 'encoder'), join(CHECKPOINTS, 'sd1/text_encoder'));
  copyTo(dir, join(CHECKPOINTS, 'sd1/tokenizer'));
  const checkpoint = await loadCheckpoint(join(CHECKPOINTS, 'sd1'));
  const clip = loadPromptModel([dir]);
  expect(await clip.encode('the red cat')).toEqual(await checkpoint.clip.encode('the red cat'));
  await checkpoint.release();
});

test('what is not the part asked for is told by its name', () => {
  const vae = cut('sd1', 'first_stage_model.', { part: 'vae' });
  expect(() => loadDiffusionModel(vae)).toThrow(/holds no U-Net that can be used. It is: VAE/);
  expect(() => loadPromptModel([vae])).toThrow(/holds no CLIP text encoder that can be used. It is: VAE/);
  expect(() => loadVae(cut('sd1', 'model.diffusion_model.', { part: 'unet' }))).toThrow(/holds no VAE/);
  expect(() => loadPromptModel([])).toThrow('one text encoder or, for SD XL, two');
  expect(() => loadPromptModel([vae], { type: 'flux' })).toThrow('one of stable_diffusion, sdxl');
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  writeFileSync(join(empty, 'config.json'), '{}');
  expect(() => loadPromptModel([empty])).toThrow('holds no weights; model.safetensors is expected');
});
