// Names of models: bundled ones, folders, hub ids; and what is said of those that cannot be used.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadClip } from '../../engine/clip/clip.ts';
import { bundledRoot, listBundled } from '../../engine/hub/bundled.ts';
import { findInHubCache, listCached } from '../../engine/hub/cache.ts';
import { findModel } from '../../engine/hub/model-store.ts';
import { parseHubId } from '../../engine/hub-id.ts';
import { writeTinyClip } from '../clip/tiny-clip.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pez-store-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('bundled models lie at the root of the package', async () => {
  expect(existsSync(join(bundledRoot(), '..', 'package.json'))).toBe(true);
  for (const name of listBundled()) expect((await findModel(name)).dir).toBe(join(bundledRoot(), name));
});

test('a folder is a model', async () => {
  const files = await findModel(writeTinyClip(folder));
  expect(files).toMatchObject({ dir: folder, textModelPath: join(folder, 'onnx/text_model.onnx') });
});

test('the variant picks the file; without one, the most precise there is', async () => {
  writeTinyClip(folder);
  const onnx = (name: string) => join(folder, 'onnx', name);
  renameSync(onnx('text_model.onnx'), onnx('text_model_fp16.onnx'));
  expect(await findModel(folder)).toMatchObject({ textModelPath: onnx('text_model_fp16.onnx') });
  await expect(findModel(folder, { dtype: 'int3' })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
});

test('a precision that is not there gives way to the next one, and that is said', async () => {
  writeTinyClip(folder);
  const onnx = (name: string) => join(folder, 'onnx', name);
  const pick = async (dtype: string) => {
    const notes: string[] = [];
    const files = await findModel(folder, { dtype, onNote: (note) => notes.push(note) });
    return {
      textModelPath: 'textModelPath' in files && files.textModelPath,
      notes: notes.filter((note) => note.includes('text_model')),
    };
  };
  copyFileSync(onnx('text_model.onnx'), onnx('text_model_fp16.onnx'));
  expect(await pick('fp16')).toEqual({ textModelPath: onnx('text_model_fp16.onnx'), notes: [] });
  expect(await pick('q8')).toEqual({
    textModelPath: onnx('text_model_fp16.onnx'),
    notes: [`${folder} has no onnx/text_model_quantized.onnx: onnx/text_model_fp16.onnx is used.`],
  });
  copyFileSync(onnx('text_model.onnx'), onnx('text_model_int8.onnx'));
  expect((await pick('q8')).textModelPath).toBe(onnx('text_model_int8.onnx'));
});

test.each([
  ['no-such-model', /There is no model "no-such-model"\. Give a bundled one .*hub id/],
  ['./no/such/folder', /There is no model/],
  ['', /There is no model ""/],
  ['../../no/such', /There is no model/],
])('the name %j is not found', async (name, message) => {
  await expect(findModel(name, { offline: true })).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
    message: expect.stringMatching(message),
  });
});

test('a file is not a model', async () => {
  const path = join(folder, 'model.onnx');
  writeFileSync(path, 'x');
  await expect(findModel(path)).rejects.toThrow(/is a file; give the folder/);
});

test('a folder without a text tower is not supported, and it says what it has', async () => {
  writeTinyClip(folder, ['onnx/text_model.onnx']);
  await expect(loadClip(folder)).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: `The model in ${folder} has no text tower onnx/text_model.onnx: it has vision_model.onnx.`,
  });
});

test.each(['config.json', 'tokenizer.json', 'tokenizer_config.json'])('a folder without %s says so', async (file) => {
  writeTinyClip(folder, [file]);
  await expect(loadClip(folder)).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
    message: `The model lacks the file ${join(folder, file)}.`,
  });
});

test('a corrupt ONNX file is named', async () => {
  writeTinyClip(folder);
  const path = join(folder, 'onnx/text_model.onnx');
  writeFileSync(path, readFileSync(path).subarray(0, 100));
  const clip = await loadClip(folder);
  await expect(clip.text.encode(['cat'])).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringContaining(path),
  });
  writeTinyClip(folder); // and once it is mended, the same process can use it
  expect(await clip.text.encode(['cat'])).toHaveLength(1);
});

test('a model without a vision tower refuses images only', async () => {
  writeTinyClip(folder, ['onnx/vision_model.onnx']);
  const clip = await loadClip(folder);
  expect(await clip.text.encode(['cat'])).toHaveLength(1);
  await expect(clip.image.encode(['x.png'])).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
});

test.each([
  ['Xenova/clip-vit-base-patch32', { repo: 'Xenova/clip-vit-base-patch32', revision: 'main' }],
  ['org/name@v1.0', { repo: 'org/name', revision: 'v1.0' }],
  ['org/name@../../x', undefined],
  ['a/b/c', undefined],
  ['name', undefined],
])('%s as a hub id', (name, id) => {
  expect(parseHubId(name)).toEqual(id);
});

test("a model in the hub's own cache is used as it is", async () => {
  const snapshot = join(folder, 'models--org--tiny/snapshots/abc');
  mkdirSync(join(folder, 'models--org--tiny/refs'), { recursive: true });
  writeFileSync(join(folder, 'models--org--tiny/refs/main'), 'abc');
  writeTinyClip(snapshot);
  const before = process.env.HF_HUB_CACHE;
  process.env.HF_HUB_CACHE = folder;
  try {
    expect(findInHubCache({ repo: 'org/tiny', revision: 'main' })).toBe(snapshot);
    expect((await findModel('org/tiny', { offline: true })).dir).toBe(snapshot);
  } finally {
    if (before === undefined) delete process.env.HF_HUB_CACHE;
    else process.env.HF_HUB_CACHE = before;
  }
});

test('cached models are listed by the names that load them', async () => {
  writeTinyClip(join(folder, 'org/tiny/main'));
  writeTinyClip(join(folder, 'org/tiny/v2'));
  expect(listCached(folder).map((m) => m.name)).toEqual(['org/tiny', 'org/tiny@v2']);
  for (const { name, dir } of listCached(folder))
    expect((await findModel(name, { cacheDir: folder, offline: true })).dir).toBe(dir);
});
