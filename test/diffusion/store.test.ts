// Finding checkpoints: folders with parts missing, foreign layouts, devices, and a hub on loopback.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pullAny } from '../../engine/diffusion/any-model.ts';
import { type Checkpoint, loadCheckpoint } from '../../engine/diffusion/checkpoint.ts';
import { emptyLatent } from '../../engine/diffusion/latent.ts';
import { sample } from '../../engine/diffusion/sample.ts';
import { parseHubId } from '../../engine/hub-id.ts';
import { availableDevices, checkDevice, openSessionOn } from '../../engine/onnx/device.ts';
import { writeModel } from '../../engine/onnx/write.ts';
import { makeModel } from '../helpers/model.ts';
import { withExternalData } from '../helpers/protobuf.ts';
import { type Mirror, type MirrorFile, startMirror } from '../hub/hub-mirror.ts';
import { checkpointDir, copyCheckpoint } from './fixture.ts';

let dir: string;
beforeEach(() => {
  dir = copyCheckpoint('lcm');
});
afterEach(() => rmSync(dir, { recursive: true }));

const change = (file: string, more: object) =>
  writeFileSync(join(dir, file), JSON.stringify({ ...JSON.parse(readFileSync(join(dir, file), 'utf8')), ...more }));

test.each([
  'model_index.json',
  'unet/model.onnx',
  'text_encoder/model.onnx',
  'vae_decoder/model.onnx',
  'scheduler/scheduler_config.json',
  'tokenizer/merges.txt',
])('without %s, loading says so', async (file) => {
  rmSync(join(dir, file));
  await expect(loadCheckpoint(dir)).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
    message: expect.stringContaining(file.split('/')[0]),
  });
});

test('without a VAE encoder a checkpoint loads, and only encoding says what is missing', async () => {
  const checkpoint = await loadCheckpoint(dir);
  const picture = { shape: [1, 64, 64, 3] as const, data: new Float32Array(64 * 64 * 3) };
  await expect(checkpoint.vae.encode(picture)).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
    message: expect.stringContaining('vae_encoder'),
  });
});

test('a damaged part is refused when it is first used, naming the file', async () => {
  writeFileSync(join(dir, 'unet/model.onnx'), 'not a model');
  const checkpoint = await loadCheckpoint(dir);
  await expect(checkpoint.model.unet.channels()).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringContaining('unet'),
  });
  await checkpoint.release();
});

test('a part that is no U-Net is refused by its inputs', async () => {
  cpSync(join(dir, 'text_encoder/model.onnx'), join(dir, 'unet/model.onnx'));
  const checkpoint = await loadCheckpoint(dir);
  const positive = await checkpoint.clip.encode('cat');
  const run = sample({
    model: checkpoint.model,
    positive,
    negative: positive,
    latent: emptyLatent({ width: 64, height: 64 }),
    seed: 1,
    steps: 1,
    cfg: 1,
    sampler: 'euler',
    scheduler: 'normal',
  });
  await expect(run).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: expect.stringContaining('"input_ids"'),
  });
  await checkpoint.release();
});

test('a damaged tokenizer is refused when it is first used', async () => {
  writeFileSync(join(dir, 'tokenizer/vocab.json'), '{"a": 0}');
  const checkpoint = await loadCheckpoint(dir);
  await expect(checkpoint.clip.encode('a')).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringContaining('<|startoftext|>'),
  });
});

test('checkpoints of another kind are refused', async () => {
  change('model_index.json', { transformer: ['diffusers', 'FluxTransformer2DModel'] });
  await expect(loadCheckpoint(dir)).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: expect.stringContaining('"transformer"'),
  });
});

test('a VAE whose numbers make no sense is refused', async () => {
  writeFileSync(join(dir, 'vae_decoder/config.json'), '{"scaling_factor": 0}');
  await expect(loadCheckpoint(dir)).rejects.toMatchObject({ code: 'MODEL_INVALID' });
});

test('a precision that the checkpoint lacks gives way to the next one, which is said; one that does not exist is refused', async () => {
  const notes: string[] = [];
  const checkpoint = await loadCheckpoint(dir, { dtype: 'fp16', onNote: (note) => notes.push(note) });
  expect((await checkpoint.clip.encode('cat'))[0].length).toBe(77);
  await checkpoint.release();
  expect(notes).toContain(`${dir} has no text_encoder/model_fp16.onnx: text_encoder/model.onnx is used.`);
  await expect(loadCheckpoint(dir, { dtype: 'q2' })).rejects.toThrow(
    'dtype must be one of fp32, fp16, q8, int8, uint8, q4, q4f16, bnb4, but is "q2".',
  );
});

test('a name that is nothing is refused with examples', async () => {
  await expect(loadCheckpoint('no such thing')).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
    message: expect.stringContaining('hub id'),
  });
});

describe('devices', () => {
  test('cpu can always be had', () => {
    expect(availableDevices()).toContain('cpu');
    expect(checkDevice('cpu')).toBe('cpu');
  });

  test('unknown and foreign devices are refused with what there is', () => {
    expect(() => checkDevice('tpu')).toThrow('device must be one of cpu, webgpu, cuda, coreml, dml, but is "tpu".');
    const foreign = process.platform === 'darwin' ? 'dml' : 'coreml';
    expect(() => checkDevice(foreign)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining('cpu always works') }),
    );
  });

  test('a damaged model is the fault of the model on any device', async () => {
    writeFileSync(join(dir, 'unet/model.onnx'), 'not a model');
    await expect(openSessionOn('cuda', join(dir, 'unet/model.onnx'))).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  });
});

describe('from a hub', () => {
  let mirror: Mirror;
  let cacheDir: string;

  beforeEach(async () => {
    const files = new Map(
      filesOf(checkpointDir('lcm')).map((path): [string, MirrorFile] => [
        `org/lcm/${path}`,
        { body: readFileSync(join(checkpointDir('lcm'), path)) },
      ]),
    );
    mirror = await startMirror(files);
    cacheDir = mkdtempSync(join(tmpdir(), 'pez-hub-'));
  });
  afterEach(async () => {
    await mirror.close();
    rmSync(cacheDir, { recursive: true });
  });
  const pull = (): Promise<Checkpoint> =>
    loadCheckpoint('org/lcm', { cacheDir, endpoint: mirror.endpoint, offline: false });

  test('a checkpoint is downloaded once, what it needs and no more, and works', async () => {
    mirror.files.set('org/lcm/safety_checker/model.onnx', { body: Buffer.from('large') });
    const checkpoint = await pull();
    expect((await checkpoint.clip.encode('cat'))[0].length).toBe(77);
    await checkpoint.release();
    expect(mirror.log.some((line) => line.includes('safety_checker'))).toBe(false);
    mirror.log.length = 0;
    await pull();
    expect(mirror.log).toEqual([]);
  });

  test('weights that lie beside a part come along', async () => {
    const unet = mirror.files.get('org/lcm/unet/model.onnx')!;
    unet.body = withExternalData(unet.body, 'weights.pb');
    mirror.files.set('org/lcm/unet/weights.pb', { body: Buffer.from('weights') });
    const { dir: folder } = await pull();
    expect(statSync(join(folder, 'unet/weights.pb')).size).toBe(7);
    rmSync(join(folder, 'unet/weights.pb'));
    await pull();
    expect(statSync(join(folder, 'unet/weights.pb')).size).toBe(7);
  });

  test('an export that was fused for CUDA is known before its weights come, and names one that works here', async () => {
    const fused = makeModel({
      nodes: [{ op: 'NhwcConv', domain: 'com.microsoft', inputs: ['sample', 'w'] }],
      inputs: { sample: { dims: [1, 8, 8, 4], type: 'float32' }, w: { dims: [4, 1, 1, 4], type: 'float32' } },
    });
    for (const [path, file] of [...mirror.files])
      mirror.files.set(path.replace('org/lcm', 'onnxruntime/sd-turbo'), file);
    mirror.files.set('onnxruntime/sd-turbo/unet/model.onnx', { body: Buffer.from(writeModel(fused)) });
    const options = { cacheDir, endpoint: mirror.endpoint, offline: false };
    const notes: string[] = [];
    await pullAny(parseHubId('onnxruntime/sd-turbo')!, { ...options, onNote: (note) => notes.push(note) });
    expect(notes).toEqual([
      'onnxruntime/sd-turbo was optimised for NVIDIA cards: unet/model.onnx needs NhwcConv, which onnxruntime has for CUDA only.',
    ]);
    const { model, clip, release } = await loadCheckpoint('onnxruntime/sd-turbo', options);
    const positive = await clip.encode('cat');
    const drawn = sample({
      model,
      positive,
      negative: positive,
      latent: emptyLatent({ width: 64, height: 64 }),
      seed: 1,
      steps: 1,
      cfg: 1,
      sampler: 'euler',
      scheduler: 'normal',
    });
    await expect(drawn).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringMatching(
        /unet.model\.onnx needs the op NhwcConv, which .* CUDA only.*Use jdp8\/sd-turbo-onnx instead\.$/,
      ),
    });
    await release();
  });

  test('a repository without a U-Net is refused, naming the file', async () => {
    mirror.files.delete('org/lcm/unet/model.onnx');
    await expect(pull()).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining('unet/model.onnx'),
    });
  });
});

const filesOf = (root: string): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)).replaceAll('\\', '/'));
