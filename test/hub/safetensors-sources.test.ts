// CLIPs and checkpoints that the hub has as .safetensors: the right files come, in whichever form they are offered, and never a pickle.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pullAny } from '../../engine/diffusion/any-model.ts';
import { pullCheckpoint } from '../../engine/diffusion/pull-checkpoint.ts';
import { pullModel } from '../../engine/hub/fetch-model.ts';
import type { DownloadPlan, HubOptions } from '../../engine/hub/pull-folder.ts';
import { parseHubId } from '../../engine/hub-id.ts';
import { type Mirror, startMirror } from './hub-mirror.ts';

const id = parseHubId('org/model')!;
let cacheDir: string;
let mirror: Mirror;

beforeEach(async () => {
  cacheDir = mkdtempSync(join(tmpdir(), 'pez-sources-'));
  mirror = await startMirror(new Map());
});
afterEach(async () => {
  await mirror.close();
  rmSync(cacheDir, { recursive: true });
});

const options = (more: HubOptions = {}): HubOptions => ({
  cacheDir,
  endpoint: mirror.endpoint,
  offline: false,
  transport: { wait: async () => {}, attempts: 2 },
  ...more,
});
const offer = (...paths: string[]) => {
  for (const path of paths) mirror.files.set(`org/model/${path}`, { body: Buffer.from(`content of ${path}`) });
};
const offerJson = (path: string, value: unknown) =>
  mirror.files.set(`org/model/${path}`, { body: Buffer.from(JSON.stringify(value)) });
const offerIndex = (path: string, ...shards: string[]) =>
  offerJson(path, { weight_map: Object.fromEntries(shards.map((shard, i) => [`tensor.${i}`, shard])) });

/** The files in the folder, without our record. */
const filesIn = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(dir.length + 1))
    .sort();

/** Pulls twice: the second time nothing is asked for. */
async function pulled(pull: () => Promise<string>): Promise<string[]> {
  const dir = await pull();
  mirror.log.length = 0;
  expect(await pull()).toBe(dir);
  expect(mirror.log).toEqual([]);
  return filesIn(dir);
}

describe('a CLIP', () => {
  const CLIP = ['tokenizer.json', 'tokenizer_config.json', 'preprocessor_config.json'];
  beforeEach(() => offerJson('config.json', { model_type: 'clip' }));
  const pull = (more?: HubOptions) => pullModel(id, options(more));

  test('as openai/clip-vit-large-patch14 has it: weights, configuration, tokenizer, and nothing else', async () => {
    offer(...CLIP, 'vocab.json', 'merges.txt', 'model.safetensors');
    offer('pytorch_model.bin', 'tf_model.h5', 'flax_model.msgpack', 'special_tokens_map.json', 'README.md');
    expect(await pulled(pull)).toEqual(['config.json', ...CLIP, 'model.safetensors'].sort());
  });

  test('without tokenizer.json has vocab.json and merges.txt', async () => {
    offer('vocab.json', 'merges.txt', 'model.safetensors');
    expect(await pulled(pull)).toEqual(['config.json', 'merges.txt', 'model.safetensors', 'vocab.json']);
    mirror.files.delete('org/model/merges.txt');
    rmSync(join(cacheDir, 'org'), { recursive: true });
    await expect(pull()).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining('has no merges.txt'),
    });
  });

  test('in shards comes with all that its index names', async () => {
    offer(...CLIP, 'model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors', 'model-00003.safetensors');
    offerIndex('model.safetensors.index.json', 'model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors');
    expect(await pulled(pull)).toEqual(
      [
        'config.json',
        ...CLIP,
        'model-00001-of-00002.safetensors',
        'model-00002-of-00002.safetensors',
        'model.safetensors.index.json',
      ].sort(),
    );
  });

  test.each(['../model.safetensors', 'pytorch_model.bin', '/etc/passwd'])(
    'whose index names %s is refused',
    async (shard) => {
      offer(...CLIP);
      offerIndex('model.safetensors.index.json', shard);
      await expect(pull()).rejects.toMatchObject({
        code: 'MODEL_INVALID',
        message: expect.stringContaining(JSON.stringify(shard)),
      });
    },
  );

  test("in both of OpenCLIP's forms, as laion has them, comes in transformers'", async () => {
    offer(...CLIP, 'model.safetensors', 'open_clip_model.safetensors', 'open_clip_config.json');
    expect(await pulled(pull)).toEqual(['config.json', ...CLIP, 'model.safetensors'].sort());
  });

  test("in OpenCLIP's own form, as timm has them", async () => {
    mirror.files.delete('org/model/config.json');
    offer('open_clip_model.safetensors', 'open_clip_config.json', 'open_clip_pytorch_model.bin', 'tokenizer.json');
    expect(await pulled(pull)).toEqual(['open_clip_config.json', 'open_clip_model.safetensors', 'tokenizer.json']);
  });

  test('that is there as ONNX, too, comes as ONNX', async () => {
    offer(...CLIP, 'model.safetensors');
    for (const tower of ['text', 'vision'])
      mirror.files.set(`org/model/onnx/${tower}_model_fp16.onnx`, { body: Buffer.alloc(0) });
    mirror.files.set('org/model/onnx/text_model_fp16.onnx', { body: Buffer.from([8, 8]) });
    mirror.files.set('org/model/onnx/vision_model_fp16.onnx', { body: Buffer.from([8, 8]) });
    expect(await pulled(pull)).toEqual(
      ['config.json', ...CLIP, 'onnx/text_model_fp16.onnx', 'onnx/vision_model_fp16.onnx'].sort(),
    );
  });

  test('with pickles alone is refused, with the reason and the way out', async () => {
    offer(...CLIP, 'pytorch_model.bin');
    await expect(pull()).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringMatching(/pytorch_model\.bin only, a pickle, which can run code.*save_pretrained/),
    });
    expect(mirror.log.some((line) => line.startsWith('GET'))).toBe(false);
  });

  test('is known from other models before their weights come', async () => {
    offerJson('config.json', { model_type: 'bert' });
    offer(...CLIP, 'model.safetensors');
    await expect(pull()).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringContaining('of the type "bert", not a CLIP'),
    });
    expect(mirror.log.filter((line) => line.startsWith('GET'))).toEqual(['GET config.json']);
  });

  test('breaks off and goes on, and is used only whole', async () => {
    offer(...CLIP, 'model.safetensors');
    const weights = mirror.files.get('org/model/model.safetensors')!;
    weights.faults = [
      { kind: 'drop', afterBytes: 7 },
      { kind: 'status', status: 500 },
      { kind: 'status', status: 500 },
    ];
    await expect(pull({ onProgress: () => mirror.hangUp() })).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    await expect(pull({ offline: true })).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await pull();
    expect(mirror.log).toContain('GET model.safetensors bytes=7-');
    expect(readFileSync(join(cacheDir, 'org/model/main/model.safetensors'), 'utf8')).toBe(
      'content of model.safetensors',
    );
  });
});

describe('a checkpoint', () => {
  const COMMON = [
    'scheduler/scheduler_config.json',
    'tokenizer/vocab.json',
    'tokenizer/merges.txt',
    'unet/config.json',
  ];
  const CONFIGS = [...COMMON, 'tokenizer/tokenizer_config.json', 'vae/config.json', 'text_encoder/config.json'];
  const FULL = [
    'unet/diffusion_pytorch_model.safetensors',
    'vae/diffusion_pytorch_model.safetensors',
    'text_encoder/model.safetensors',
  ];
  const HALF = FULL.map((path) => path.replace('.safetensors', '.fp16.safetensors'));
  const INDEX = 'model_index.json';
  beforeEach(() => {
    offerJson(INDEX, { unet: ['diffusers', 'UNet2DConditionModel'], text_encoder: ['transformers', 'CLIPTextModel'] });
    offer(...CONFIGS, 'v1-5-pruned.ckpt', 'v1-5-pruned.safetensors', 'safety_checker/model.safetensors');
  });
  const pull = (more?: HubOptions) => pullCheckpoint(id, options(more));

  test("in diffusers' folders: each part's weights and configuration, and no single file beside them", async () => {
    offer(...FULL, ...HALF, ...FULL.map((path) => path.replace('.safetensors', '.bin')));
    expect(await pulled(pull)).toEqual([INDEX, ...CONFIGS, ...FULL].sort());
  });

  test('in half precision, if that is wished; what is there in full alone is taken, and that is said', async () => {
    offer(...FULL, ...HALF.slice(0, 2));
    const notes: string[] = [];
    const half = () => pull({ dtype: 'fp16', onNote: (note) => notes.push(note) });
    expect(await pulled(half)).toEqual([INDEX, ...CONFIGS, ...HALF.slice(0, 2), FULL[2]].sort());
    expect(notes).toEqual([
      'org/model has no text_encoder/model.fp16.safetensors: text_encoder/model.safetensors is used.',
    ]);
  });

  test('in half precision alone', async () => {
    offer(...HALF);
    expect(await pulled(pull)).toEqual([INDEX, ...CONFIGS, ...HALF].sort());
  });

  test('with two text encoders and a U-Net in shards, as SDXL may be', async () => {
    offerJson(INDEX, { text_encoder: ['t', 'A'], text_encoder_2: ['t', 'B'] });
    const shards = [1, 2].map((i) => `diffusion_pytorch_model-0000${i}-of-00002.safetensors`);
    const second = ['tokenizer_2/tokenizer.json', 'text_encoder_2/config.json', 'text_encoder_2/model.safetensors'];
    offer(...FULL.slice(1), ...second, ...shards.map((name) => `unet/${name}`));
    offerIndex('unet/diffusion_pytorch_model.safetensors.index.json', ...shards);
    const plans: DownloadPlan[] = [];
    const files = await pulled(() => pull({ onPlan: (plan) => plans.push(plan) }));
    expect(files).toEqual(
      [
        INDEX,
        ...CONFIGS,
        ...FULL.slice(1),
        ...second,
        ...shards.map((name) => `unet/${name}`),
        'unet/diffusion_pytorch_model.safetensors.index.json',
      ].sort(),
    );
    expect(plans.map(({ files }) => files)).toEqual([files.length - 1]); // the index of parts came before
  });

  test('that is there as ONNX, too, comes as ONNX', async () => {
    offer(...FULL);
    for (const part of ['unet', 'vae_decoder', 'text_encoder'])
      mirror.files.set(`org/model/${part}/model.onnx`, { body: Buffer.from([8, 8]) });
    const files = await pulled(() => pullAny(id, options()));
    expect(files.filter((path) => path.endsWith('.onnx'))).toHaveLength(3);
    expect(files.some((path) => path.endsWith('.safetensors'))).toBe(false);
  });

  test('with pickles alone is refused, with the reason and the way out', async () => {
    offer('unet/diffusion_pytorch_model.bin', 'vae/diffusion_pytorch_model.bin', 'text_encoder/pytorch_model.bin');
    await expect(pull()).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringMatching(/unet\/diffusion_pytorch_model\.bin only, a pickle.*safe_serialization/),
    });
  });
});
