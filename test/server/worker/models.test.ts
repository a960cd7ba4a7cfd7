// Models by name: only those that the server offers, each loaded once, failed loads tried again.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Checkpoint, Clip, DiffusionModel, PromptModel, Vae, VisionTower } from '../../../nodes/node-context.ts';
import { createOfferedModels, type ModelOptions } from '../../../server/files/offered-models.ts';
import { createWorkerModels } from '../../../server/worker/models.ts';
import { placesIn } from '../../helpers/model-places.ts';

const modelsDir = mkdtempSync(join(tmpdir(), 'pez-models-'));
afterAll(() => rmSync(modelsDir, { recursive: true }));
const { signal } = new AbortController();

/** Loaders that note what they are asked for. */
function makeModels({ failures = 0, ...options }: { failures?: number } & Partial<ModelOptions> = {}) {
  const [loaded, released]: [string[], string[]] = [[], []];
  let left = failures;
  const note = (what: string): string => {
    loaded.push(what);
    return what;
  };
  const session = (path: string) => ({ release: async () => void released.push(path) });
  const models = createWorkerModels({
    offered: createOfferedModels({
      places: placesIn(modelsDir),
      first: {},
      bundled: { checkpoint: ['a', 'b', 'c'] },
      ...options,
    }),
    loadClip: async (name) => {
      loaded.push(name);
      return { name } as Clip;
    },
    loadCheckpoint: async (name, { onProgress }) => {
      loaded.push(name);
      onProgress({ receivedBytes: 1, totalBytes: 4 });
      if (left-- > 0) throw new Error('no network');
      return { name, release: async () => void released.push(name) } as unknown as Checkpoint;
    },
    loadVisionTower: async (name) => {
      loaded.push(name);
      return { name } as VisionTower;
    },
    loadDiffusionModel: (path) => ({ name: note(path), unet: { model: session(path) } }) as unknown as DiffusionModel,
    loadVae: (path) => ({ decoder: session(note(path)), encoder: session(path) }) as unknown as Vae,
    loadPromptModel: (paths, type) =>
      ({ name: note([...paths, type].join(' ')), encoders: [{ model: session('') }] }) as unknown as PromptModel,
  });
  return { models, loaded, released };
}

test('folders of models/ are loaded by their name, before a bundled model of that name', async () => {
  for (const path of ['checkpoints/mine', 'clip/mine', 'clip/pico'])
    mkdirSync(join(modelsDir, path), { recursive: true });
  writeFileSync(join(modelsDir, 'checkpoints/mine/model_index.json'), '{}');
  const { models, loaded } = makeModels({ bundled: { clip: ['pico', 'other'] } });
  await models.checkpoint('mine', { signal });
  for (const name of ['mine', 'pico', 'other']) await models.clip(name, { signal });
  const own = ['checkpoints/mine', 'clip/mine', 'clip/pico'].map((path) => join(modelsDir, path));
  expect(loaded).toEqual([...own, 'other']);
});

test('what the server was started with is loaded as it was given: a path, a hub id', async () => {
  const { models, loaded } = makeModels({ first: { clip: './somewhere/clip', checkpoint: 'org/name' } });
  await models.clip('./somewhere/clip', { signal });
  await models.checkpoint('org/name', { signal });
  expect(loaded).toEqual(['./somewhere/clip', 'org/name']);
});

const nowhere = [
  '/etc',
  '../mine',
  './clip/mine',
  'clip/mine',
  '~',
  '.',
  '..',
  '',
  'C:\\models',
  'a\0b',
  'toString',
  '__proto__',
];

test.each(nowhere)('no loader sees the name %j', async (name) => {
  const { models, loaded } = makeModels();
  const { clip, checkpoint, clipVision, vae, diffusionModel } = models;
  for (const load of [clip, checkpoint, clipVision, vae, diffusionModel])
    await expect(load(name, { signal })).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  await expect(models.textEncoders([name], 'sdxl')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  expect(() => models.loraPath(name)).toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND' }));
  expect(loaded).toEqual([]);
});

test('the sentence says what to do', async () => {
  const { models } = makeModels({ bundled: { clip: ['pico'] } });
  await expect(models.clip('/etc', { signal })).rejects.toThrow(/cannot name a path.*models\/clip.*--clip/);
  await expect(models.checkpoint('org/name', { signal })).rejects.toThrow(/--checkpoint org\/name.*--allow-hub/);
  await expect(models.clip('none', { signal })).rejects.toThrow(/it offers .*pico.*More models/);
});

test('with allowHub a hub id is loaded, but not what is a folder on this machine, or looks like a path', async () => {
  const { models, loaded } = makeModels({ allowHub: true });
  await models.clip('org/name', { signal });
  await models.checkpoint('org/name@v1', { signal });
  // Tests run in the root of the repository: `test/fixtures` has the form of a hub id.
  for (const name of ['test/fixtures', '/etc', '../org/name', 'org/name/more', 'org/name@../x'])
    await expect(models.clip(name, { signal })).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  expect(loaded).toEqual(['org/name', 'org/name@v1']);
});

test('a checkpoint is loaded once; a load that failed is tried again; downloads are reported', async () => {
  const { models, loaded } = makeModels({ failures: 1 });
  const progress: number[][] = [];
  const load = () => models.checkpoint('a', { signal, onProgress: (done, total) => progress.push([done, total]) });
  await expect(load()).rejects.toThrow('no network');
  expect(await load()).toBe(await load());
  expect(loaded).toEqual(['a', 'a']);
  expect(progress).toEqual([
    [1, 4],
    [1, 4],
  ]);
});

test('of three checkpoints the one used longest ago frees its sessions', async () => {
  const { models, loaded, released } = makeModels();
  for (const name of ['a', 'b', 'a', 'c']) await models.checkpoint(name, { signal });
  expect(released).toEqual(['b']);
  await models.checkpoint('b', { signal });
  expect(loaded).toEqual(['a', 'b', 'c', 'b']);
  expect(released).toEqual(['b', 'a']);
});

test('parts in files of their own: loaded once, and of three of a kind the one used longest ago frees its sessions', async () => {
  for (const name of ['a', 'b', 'c'])
    for (const folder of ['vae', 'unet', 'loras', 'text_encoders']) {
      mkdirSync(join(modelsDir, folder), { recursive: true });
      writeFileSync(join(modelsDir, folder, `${name}.safetensors`), '');
    }
  const { models, loaded, released } = makeModels();
  const at = (folder: string, name: string) => join(modelsDir, folder, `${name}.safetensors`);
  for (const name of ['a', 'b', 'a', 'c']) await models.vae(`${name}.safetensors`);
  expect(loaded).toEqual(['a', 'b', 'c'].map((name) => at('vae', name)));
  for (let turns = 0; released.length < 2 && turns < 100; turns++) await new Promise(setImmediate);
  expect(released).toEqual([at('vae', 'b'), at('vae', 'b')]);
  await models.diffusionModel('a.safetensors');
  const both = ['b.safetensors', 'a.safetensors'];
  const clip = await models.textEncoders(both, 'sdxl');
  expect(await models.textEncoders(both, 'sdxl')).toBe(clip);
  const paths = [at('text_encoders', 'b'), at('text_encoders', 'a')];
  expect(loaded.slice(3)).toEqual([at('unet', 'a'), [...paths, 'sdxl'].join(' ')]);
  expect(models.loraPath('c.safetensors')).toBe(at('loras', 'c'));
  await expect(models.textEncoders(['org/name'], 'stable_diffusion')).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
  });
});

test('a bundled CLIP is no text encoder of a checkpoint', async () => {
  const { models } = makeModels({ bundled: { clip: ['pico-2'] } });
  await expect(models.textEncoders(['pico-2'], 'stable_diffusion')).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
  });
});
