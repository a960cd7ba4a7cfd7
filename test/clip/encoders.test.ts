// Text and image encoders against PyTorch, and against what the tiny model is by construction.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clip, loadClip } from '../../engine/clip/clip.ts';
import { cosine } from '../../engine/vector.ts';
import { tableRow, tinyClipFiles, writeTinyClip } from './tiny-clip.ts';

const fixtures = join(import.meta.dirname, '../fixtures/clip');
const oracle = JSON.parse(readFileSync(join(fixtures, 'oracle.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'pez-encoders-'));
let standin: Clip;
let tiny: Clip;

beforeAll(async () => {
  standin = await loadClip(join(fixtures, 'standin'));
  tiny = await loadClip(writeTinyClip(folder));
});
afterAll(() => rmSync(folder, { recursive: true }));

const worst = (a: ArrayLike<number>, b: ArrayLike<number>) => Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i])));

test('texts are embedded as PyTorch does', async () => {
  const vectors = await standin.text.encode(oracle.texts.map((t: { text: string }) => t.text));
  vectors.forEach((v, i) => {
    expect(worst(v, oracle.texts[i].embedding)).toBeLessThan(1e-5);
  });
  expect(await standin.text.dim()).toBe(24);
});

test('the length of embeddings is known before the first call, also to a model whose configuration leaves it out', async () => {
  const dir = mkdtempSync(join(folder, 'dim-'));
  writeTinyClip(dir);
  expect(await (await loadClip(dir)).text.dim()).toBe(4);
  const { projection_dim: _, ...config } = JSON.parse(tinyClipFiles().get('config.json')!.toString());
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
  expect(await (await loadClip(dir)).text.dim()).toBe(4);
});

test('pictures are embedded as PyTorch and Pillow do', async () => {
  const vectors = await standin.image.encode(oracle.pictures.map((p: { file: string }) => join(fixtures, p.file)));
  vectors.forEach((v, i) => {
    expect(worst(v, oracle.pictures[i].embedding)).toBeLessThan(1e-5);
  });
});

test('of a causal tower, rows without padding give the same', async () => {
  const { text, tokenizer } = standin;
  const [padded] = await text.encode(['red apple']);
  const [bare] = await text.encodeFramed([tokenizer.frame(tokenizer.encode('red apple'))]);
  expect(worst(padded, bare)).toBeLessThan(1e-5);
});

test('padding fills the context with the padding token', async () => {
  const [vector] = await tiny.text.encode(['red cat']);
  const ids = [4, 1, 3, 5, 5, 5, 5, 5]; // start, red, cat, end and its padding
  const mean = [0, 1, 2, 3].map((k) => ids.reduce((sum, id) => sum + tableRow(id)[k], 0) / ids.length);
  expect(
    worst(
      vector,
      mean.map((v) => v / Math.hypot(...mean)),
    ),
  ).toBeLessThan(1e-6);
});

test('more rows than one batch come back in order', async () => {
  const texts = Array.from({ length: 70 }, (_, i) => ['red', 'blue', 'cat'][i % 3]);
  const vectors = await tiny.text.encode(texts);
  expect(vectors).toHaveLength(70);
  vectors.forEach((v, i) => {
    expect(cosine(v, vectors[i % 3])).toBeCloseTo(1, 6);
  });
});

test('nothing in, nothing out', async () => {
  expect(await tiny.text.encode([])).toEqual([]);
  expect(await tiny.text.encodeFramed([])).toEqual([]);
  expect(await tiny.image.encode([])).toEqual([]);
});

test('a text beyond the context is refused with both numbers', async () => {
  await expect(tiny.text.encode(['a red cat a blue cat a'])).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: 'The text "a red cat a blue cat a" has 7 tokens; the model reads at most 6.',
  });
});

test('rows of unequal length are a mistake of the caller', async () => {
  await expect(tiny.text.encodeFramed([[1], [1, 2]])).rejects.toThrow(TypeError);
});

test('an aborted call throws the reason', async () => {
  const reason = new Error('stop');
  await expect(tiny.text.encode(['cat'], AbortSignal.abort(reason))).rejects.toBe(reason);
});

test('a damaged preprocessor_config.json that was mended is read again', async () => {
  const dir = mkdtempSync(join(folder, 'mended-'));
  const clip = await loadClip(writeTinyClip(dir));
  const picture = join(fixtures, oracle.pictures[0].file);
  writeFileSync(join(dir, 'preprocessor_config.json'), '{ "do_resize": tr');
  await expect(clip.image.encode([picture])).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  writeFileSync(join(dir, 'preprocessor_config.json'), tinyClipFiles().get('preprocessor_config.json')!);
  expect((await clip.image.encode([picture]))[0]).toHaveLength(3);
});
