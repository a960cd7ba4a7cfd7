// .safetensors files that are not sound checkpoints: each ends in one sentence that says what is wrong and what to do.
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Checkpoint, loadCheckpoint } from '../../engine/diffusion/checkpoint.ts';
import { withClipSkip } from '../../engine/diffusion/prompt-model.ts';
import { sample } from '../../engine/diffusion/sample.ts';
import { CHECKPOINTS, type Tensors, writeCheckpoint } from '../helpers/checkpoint-file.ts';
import { f32, writeSafetensors } from '../helpers/safetensors-file.ts';
import { copyTo, useCache } from './weights-cache.ts';

const folder = mkdtempSync(join(tmpdir(), 'weights-refused-'));
useCache(join(folder, 'cache'));
const opened: Checkpoint[] = [];
afterAll(async () => {
  for (const checkpoint of opened) await checkpoint.release();
  rmSync(folder, { recursive: true });
});

let count = 0;
const newPath = () => join(folder, `${count++}.safetensors`);

async function load(path: string, options?: Parameters<typeof loadCheckpoint>[1]): Promise<Checkpoint> {
  const checkpoint = await loadCheckpoint(path, options);
  opened.push(checkpoint);
  return checkpoint;
}

const damaged = (change: (tensors: Tensors, metadata: Record<string, string>) => void, family = 'sd1') =>
  writeCheckpoint(family, newPath(), change);

async function draw({ model, clip }: Checkpoint) {
  const positive = await clip.encode('the red cat');
  return sample({
    model,
    positive,
    negative: positive,
    latent: { shape: [1, 4, 8, 8], data: new Float32Array(256) },
    seed: 1,
    steps: 1,
    cfg: 1,
    sampler: 'euler',
    scheduler: 'normal',
  });
}

const decode = ({ vae }: Checkpoint) => vae.decode({ shape: [1, 4, 8, 8], data: new Float32Array(256) });

const drop = (prefix: string) =>
  damaged((tensors) => {
    for (const name of Object.keys(tensors)) if (name.startsWith(prefix)) delete tensors[name];
  });

test('a file that was cut off', async () => {
  const path = damaged(() => {});
  truncateSync(path, readFileSync(path).length - 1000);
  await expect(load(path)).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringContaining('was probably not downloaded to its end'),
  });
});

test.each([
  ['sd1.ckpt', 'MODEL_UNSUPPORTED', /is a pickle/],
  ['missing.safetensors', 'MODEL_NOT_FOUND', /There is no file/],
])('%s', async (name, code, message) => {
  if (name.endsWith('.ckpt')) writeFileSync(join(folder, name), 'pickle');
  const loading = load(join(folder, name));
  await expect(loading).rejects.toMatchObject({ code });
  await expect(loading).rejects.toThrow(message);
});

const OTHERS: Record<string, [tensors: Tensors, message: RegExp]> = {
  'another architecture': [
    { 'double_blocks.0.img_attn.norm.key_norm.scale': f32([1], [1]) },
    /It is: Flux; Stable Diffusion 1, 2, XL and LCM can be used/,
  ],
  'a LoRA': [
    {
      'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight': f32(
        [1, 768],
        Array(768).fill(0),
      ),
    },
    /It is: LoRA \(kohya, SD 1.x\); put it between a checkpoint and the sampler with LoraLoader/,
  ],
  'a VAE': [
    { 'decoder.mid.block_1.norm1.weight': f32([1], [1]) },
    /It is: VAE without encoder; load it with VAELoader/,
  ],
  'something unknown': [{ a: f32([1], [1]), b: f32([1], [2]) }, /It is: unknown \(a, b\)/],
};

test.each(Object.entries(OTHERS))('%s is told by its name', async (_, [tensors, message]) => {
  const path = newPath();
  writeSafetensors(path, tensors);
  const loading = load(path);
  await expect(loading).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
  await expect(loading).rejects.toThrow(message);
});

test('an inpainting model', async () => {
  const name = 'model.diffusion_model.input_blocks.0.0.weight';
  const path = damaged((tensors) => {
    const [out] = tensors[name].shape;
    tensors[name] = { dtype: 'F16', shape: [out, 9, 3, 3], bytes: new Uint8Array(out * 81 * 2) };
  });
  await expect(load(path)).rejects.toThrow('It is: an inpainting model');
});

test('heads that nothing tells', async () => {
  const path = damaged((_, metadata) => {
    delete metadata.config;
  });
  await expect(load(path)).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: expect.stringContaining('heads'),
  });
});

test('a weight that is not there is named', async () => {
  const path = damaged((tensors) => {
    delete tensors['model.diffusion_model.middle_block.0.out_layers.3.weight'];
  });
  const checkpoint = await load(path);
  await expect(draw(checkpoint)).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringContaining('mid_block.resnets.0.conv2.weight'),
  });
});

test('a weight of another shape than its neighbours', async () => {
  const name = 'first_stage_model.decoder.mid.attn_1.q.weight';
  const path = damaged((tensors) => {
    const [out, channels] = tensors[name].shape;
    const shape = [out + 1, channels, 1, 1];
    tensors[name] = { dtype: 'F16', shape, bytes: new Uint8Array(2 * shape[0] * channels) };
  });
  const checkpoint = await load(path);
  await expect(decode(checkpoint)).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringMatching(
      /The vae_decoder in .* cannot be computed, since .*attn_1\.q\.weight" is \[5,4\] and/,
    ),
  });
});

test.each([
  ['model.diffusion_model.middle_block.0.in_layers.0.weight', draw],
  ['first_stage_model.decoder.conv_in.bias', decode],
  ['cond_stage_model.transformer.text_model.final_layer_norm.weight', draw],
] as const)('NaN in %s is said instead of drawing black', async (name, use) => {
  const path = damaged((tensors) => {
    tensors[name] = { ...tensors[name], bytes: new Uint8Array(tensors[name].bytes.length).fill(0xff) };
  });
  await expect(use(await load(path))).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringMatching(/not finite.*black picture.*another copy/),
  });
});

test('without its VAE a checkpoint still draws; what decodes says what is missing', async () => {
  const checkpoint = await load(drop('first_stage_model.'));
  expect((await draw(checkpoint)).shape).toEqual([1, 4, 8, 8]);
  await expect(decode(checkpoint)).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
    message: expect.stringContaining('has no VAE baked in: load one with VAELoader, from models/vae'),
  });
});

test('without its text encoder a checkpoint still decodes; what encodes says what is missing', async () => {
  const checkpoint = await load(drop('cond_stage_model.'));
  expect((await decode(checkpoint)).shape).toEqual([1, 16, 16, 3]);
  await expect(checkpoint.clip.encode('cat')).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
    message: expect.stringContaining('holds no text encoder: load one with CLIPLoader'),
  });
});

test('the prediction can be given where the file tells it wrongly', async () => {
  const path = damaged(() => {}, 'sd2');
  expect((await load(path)).model.levels.prediction).toBe('v_prediction');
  expect((await load(path, { prediction: 'epsilon' })).model.levels.prediction).toBe('epsilon');
  expect((await load(join(CHECKPOINTS, 'sd2'), { prediction: 'sample' })).model.levels.prediction).toBe('sample');
  await expect(load(path, { prediction: 'x0' })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
});

test('levels that end at pure noise are those of the mark in the file', async () => {
  const plain = await load(damaged(() => {}, 'xl'));
  const marked = await load(
    damaged((tensors) => {
      tensors.v_pred = f32([0], []);
      tensors.ztsnr = f32([0], []);
    }, 'xl'),
  );
  expect(plain.model.levels.sigmaMax).toBeCloseTo(14.615, 2);
  expect(marked.model.levels.sigmaMax).toBeGreaterThan(4000);
});

test('a folder of pickles says how to convert them', async () => {
  const dir = copyTo(join(folder, 'pickles'), join(CHECKPOINTS, 'sd1'));
  const weights = join(dir, 'unet/diffusion_pytorch_model.safetensors');
  rmSync(weights);
  writeFileSync(join(dir, 'unet/diffusion_pytorch_model.bin'), 'pickle');
  await expect(load(dir)).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: expect.stringContaining('pickle'),
  });
});

test('a layer past the first is the last one, and one that a folder leaves out is refused', async () => {
  const { clip } = await load(damaged(() => {}));
  expect(await withClipSkip(clip, -24).encode('dog')).toEqual(await clip.encode('dog'));
  expect(() => withClipSkip(clip, 0)).toThrow('a whole number from -24 to -1');
  const folderOf2 = await load(join(CHECKPOINTS, 'sd2'));
  await expect(withClipSkip(folderOf2.clip, -1).encode('dog')).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: expect.stringContaining('leaves out the last layer'),
  });
});
