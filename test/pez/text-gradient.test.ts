import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fillTensor, randomClip } from '../../bench/random-clip.ts';
import { loadClip } from '../../engine/clip/clip.ts';
import { chunks, createTextGradient } from '../../engine/pez/text-gradient.ts';
import { towerClip } from '../helpers/tower-clip.ts';
import { readTower, relativeError, type Tower } from '../helpers/towers.ts';

const normalise = (v: readonly number[]): Float32Array => Float32Array.from(v, (x) => x / Math.hypot(...v));
const targetOf = (tower: Tower) => normalise(tower.target!.data);

test.each([
  'clip-quick-gelu',
  'clip-erf-gelu',
  'clip-gelu20',
  'clip-layernorm17',
  'clip-quick-gelu-fp16',
  'clip-quick-gelu-dynamo',
])('%s is causal: M + 2 positions are enough, and give the embedding of the full context', async (name) => {
  const tower = readTower(name);
  const clip = towerClip(tower);
  const { input_ids } = tower.cases[0].inputs;
  const gradient = await createTextGradient(clip, input_ids.data.length);
  expect(gradient.positions).toBe(input_ids.data.length);
  const { embeddings, gradients, similarities } = await gradient.run([input_ids.data], targetOf(tower));
  const content = input_ids.data.slice(1, -1);
  const [full] = await clip.text.encode([content.join(' ')]);
  expect(Math.max(...full.map((v, i) => Math.abs(v - embeddings[0][i])))).toBeLessThan(1e-5);
  expect(similarities[0]).toBeCloseTo(tower.cases[0].similarity.data[0], 5);
  expect(relativeError(gradients[0], tower.cases[0].gradient.data)).toBeLessThan(1e-4);
});

test.each(['siglip', 'siglip-dynamo'])('%s reads every position: it is run at full length', async (name) => {
  const tower = readTower(name);
  const clip = towerClip(tower);
  const gradient = await createTextGradient(clip, 6);
  expect(gradient.positions).toBe(tower.contextLength);
  const row = clip.tokenizer.frame([10, 20, 30, 40, 50]);
  const { embeddings, gradients } = await gradient.run([row], targetOf(tower));
  const [full] = await clip.text.encode(['10 20 30 40 50']);
  expect(Math.max(...full.map((v, i) => Math.abs(v - embeddings[0][i])))).toBeLessThan(1e-5);
  expect(gradients[0].length).toBe(6 * gradient.table.dim);
});

test('any number of rows gives what each row gives alone', async () => {
  const tower = readTower('clip-quick-gelu');
  const clip = towerClip(tower);
  const gradient = await createTextGradient(clip, 6);
  const rows = Array.from({ length: 7 }, (_, i) => clip.tokenizer.frame([i, 2 * i, 3 * i, 150 - i]));
  const together = await gradient.run(rows, targetOf(tower));
  for (const [i, row] of rows.entries()) {
    const alone = await gradient.run([row], targetOf(tower));
    expect(relativeError(together.gradients[i], [...alone.gradients[0]])).toBeLessThan(1e-5);
    expect(together.similarities[i]).toBeCloseTo(alone.similarities[0], 6);
  }
});

test('rows may have a direction each', async () => {
  const tower = readTower('clip-quick-gelu');
  const clip = towerClip(tower);
  const gradient = await createTextGradient(clip, 6);
  const row = clip.tokenizer.frame([1, 2, 3, 4]);
  const away = targetOf(tower).map((v) => -v);
  const { similarities } = await gradient.run([row, row], [targetOf(tower), away]);
  expect(similarities[0]).toBeCloseTo(-similarities[1], 6);
});

test('a model file that is missing while a batch is compiled and comes back is compiled then', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pez-mended-'));
  try {
    const tower = readTower('clip-quick-gelu');
    const path = join(folder, 'text_model.onnx');
    copyFileSync(tower.path, path);
    const clip = towerClip({ ...tower, path });
    const gradient = await createTextGradient(clip, 6);
    const row = clip.tokenizer.frame([1, 2, 3, 4]);
    renameSync(path, `${path}.away`);
    await expect(gradient.run([row], targetOf(tower))).rejects.toMatchObject({ name: 'InputError' });
    renameSync(`${path}.away`, path);
    expect((await gradient.run([row], targetOf(tower))).similarities).toHaveLength(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each([
  [1, '1'],
  [2, '1 1'],
  [3, '4'],
  [5, '4 1'],
  [7, '4 4'],
  [8, '4 4'],
])('%i rows run as batches of %s', (n, batches) => {
  expect(
    chunks(n)
      .map((c) => c.batch)
      .join(' '),
  ).toBe(batches);
  expect(chunks(n).reduce((sum, c) => sum + c.count, 0)).toBe(n);
});

const fixtureOf = (name: string) =>
  JSON.parse(readFileSync(new URL(`../fixtures/towers/${name}/gradient.json`, import.meta.url), 'utf8'));

test('pico-clip: embedding and gradient agree with PyTorch in float64, at M + 2 positions', async () => {
  const clip = await loadClip('pico-clip');
  const fixture = fixtureOf('pico-clip');
  for (const example of fixture.cases) {
    const ids: number[] = example.inputs.input_ids.data;
    expect(clip.tokenizer.frame(clip.tokenizer.encode(example.name))).toEqual(ids);
    const gradient = await createTextGradient(clip, ids.length);
    expect(gradient.positions).toBe(ids.length);
    const { embeddings, similarities, gradients } = await gradient.run([ids], normalise(fixture.target.data));
    expect(relativeError(embeddings[0], [...normalise(example.embedding.data)])).toBeLessThan(1e-4);
    expect(Math.abs(similarities[0] - example.similarity.data[0])).toBeLessThan(1e-5);
    expect(relativeError(gradients[0], example.gradient.data)).toBeLessThan(1e-4);
  }
});

describe('the shape of ViT-B/32, random weights', () => {
  const fixture = fixtureOf('vit-b32-shape');
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vit-b32-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('the generator gives the numbers that Python gave', () => {
    const fills = JSON.parse(
      readFileSync(new URL('../../bench/graphs/vit-b32.json', import.meta.url), 'utf8'),
    ).initializers;
    for (const { index: k, first, last } of fixture.fillChecks) {
      const { seed } = fixture;
      const end = fills[k].dims.reduce((a: number, b: number) => a * b, 1) - 1;
      expect([...fillTensor(fills[k], { k, seed, count: 4 })]).toEqual(first.map(Math.fround));
      expect([...fillTensor(fills[k], { k, seed, from: end, count: 1 })]).toEqual([Math.fround(last)]);
    }
  });

  test('embedding and gradient agree with PyTorch in float64', async () => {
    const clip = randomClip('vit-b32', folder, fixture.seed);
    const [example] = fixture.cases;
    const ids = example.inputs.input_ids.data;
    const gradient = await createTextGradient(clip, ids.length);
    const { embeddings, similarities, gradients } = await gradient.run([ids], normalise(fixture.target.data));
    expect(relativeError(embeddings[0], [...normalise(example.embedding.data)])).toBeLessThan(1e-4);
    expect(Math.abs(similarities[0] - example.similarity.data[0])).toBeLessThan(1e-5);
    expect(relativeError(gradients[0], example.gradient.data)).toBeLessThan(1e-4);
  });
});
