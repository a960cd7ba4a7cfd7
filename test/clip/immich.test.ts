// CLIPs in immich-app's layout, as both generations of its exports have it: they embed as OpenCLIP does, from a folder and from the hub, and
// prompts can be searched in them.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { loadClip } from '../../engine/clip/clip.ts';
import { invert } from '../../engine/pez/invert.ts';
import { createTextGradient } from '../../engine/pez/text-gradient.ts';
import { type Mirror, startMirror } from '../hub/hub-mirror.ts';

const fixtures = 'test/fixtures/immich';
const oracle = JSON.parse(readFileSync(join(fixtures, 'oracle.json'), 'utf8'));
const rowsOf = ({ dims: [rows, size], data }: { dims: number[]; data: number[] }) =>
  Array.from({ length: rows }, (_, i) => data.slice(i * size, (i + 1) * size));
const pictures = oracle.pictures.map((path: string) => join(fixtures, path));

let folder: string;
let cacheDir: string;
beforeEach(() => {
  const root = mkdtempSync(join(tmpdir(), 'pez-immich-'));
  [folder, cacheDir] = [join(root, 'model'), join(root, 'cache')];
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

/** The folder of a generation, with the tokenizer that both share. */
function place(generation: string): string {
  cpSync(join(fixtures, generation), folder, { recursive: true });
  const tokenizer = (file: string) => join('test/fixtures/clip/standin', file);
  copyFileSync(tokenizer('tokenizer.json'), join(folder, 'textual/tokenizer.json'));
  const config = JSON.parse(readFileSync(tokenizer('tokenizer_config.json'), 'utf8'));
  writeFileSync(join(folder, 'textual/tokenizer_config.json'), JSON.stringify({ ...config, model_max_length: 77 }));
  return folder;
}

function expectRows(vectors: readonly Float32Array[], expected: number[][]): void {
  expect(vectors).toHaveLength(expected.length);
  vectors.forEach((vector, i) => {
    for (let k = 0; k < vector.length; k++) expect(vector[k]).toBeCloseTo(expected[i][k], 5);
  });
}

describe.each(['first', 'second'])('the %s generation', (generation) => {
  test("embeds texts and pictures as OpenCLIP's PyTorch does", async () => {
    const clip = await loadClip(place(generation), { cacheDir });
    expect(await clip.text.dim()).toBe(16);
    expect(clip.tokenizer.contextLength).toBe(77);
    expectRows(await clip.text.encode(oracle.texts), rowsOf(oracle.textEmbeddings));
    expectRows(await clip.image.encode(pictures), rowsOf(oracle.imageEmbeddings));
  });

  test('has the gradient that PyTorch has', async () => {
    const clip = await loadClip(place(generation), { cacheDir });
    expect(clip.tokenizer.frame(clip.tokenizer.encode(oracle.texts[0]))).toEqual(oracle.ids);
    const gradient = await createTextGradient(clip, oracle.ids.length);
    const rows = Array.from({ length: 5 }, () => oracle.ids);
    const [target] = rowsOf(oracle.imageEmbeddings);
    const { gradients, embeddings } = await gradient.run(rows, new Float32Array(target));
    expectRows(embeddings.slice(3), [rowsOf(oracle.textEmbeddings)[0], rowsOf(oracle.textEmbeddings)[0]]);
    expectRows(gradients.slice(3), [oracle.gradient.data, oracle.gradient.data]);
  });
});

test('a prompt is searched in one whose batch is fixed', async () => {
  const clip = await loadClip(place('first'), { cacheDir });
  const result = await invert(clip, { targets: [{ image: pictures[0] }], length: 3, steps: 8, restarts: 2, seed: 1 });
  const [text] = await clip.text.encode([result.prompt]);
  const [image] = await clip.image.encode([pictures[0]]);
  expect(result.similarity).toBeCloseTo(
    text.reduce((sum, x, i) => sum + x * image[i], 0),
    4,
  );
});

test('a text is read without punctuation and capitals where the configuration says so', async () => {
  place('second');
  const path = join(folder, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8'));
  const plain = await loadClip(folder, { cacheDir });
  config.text_cfg.tokenizer_kwargs = { clean: 'canonicalize' };
  writeFileSync(path, JSON.stringify(config));
  const clip = await loadClip(folder, { cacheDir });
  expect(clip.tokenizer.encode('A  photo, of (a) Tiger!')).toEqual(plain.tokenizer.encode('a photo of a tiger'));
  expect(plain.tokenizer.encode('tiger!')).not.toEqual(plain.tokenizer.encode('tiger'));
});

test.each([
  ['preprocess_cfg.json', { resize_mode: 'longest' }, 'MODEL_UNSUPPORTED', /the mode "longest"/],
  ['preprocess_cfg.json', { interpolation: 'magic' }, 'MODEL_INVALID', /"interpolation" \(one of/],
  ['preprocess_cfg.json', { size: null }, 'MODEL_INVALID', /"size" in pixels/],
])('%s with %j is refused', async (file, change, code, message) => {
  place('first');
  const path = join(folder, 'visual', file);
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }));
  const clip = await loadClip(folder, { cacheDir });
  await expect(clip.image.encode([pictures[0]])).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
});

test('a squashed picture fills the square', async () => {
  place('second');
  const path = join(folder, 'visual/preprocess_cfg.json');
  const shortest = (await (await loadClip(folder, { cacheDir })).image.encode(pictures)) as Float32Array[];
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), resize_mode: 'squash' }));
  const squashed = await (await loadClip(folder, { cacheDir })).image.encode(pictures);
  expect(squashed[0]).not.toEqual(shortest[0]); // 90 × 60
  expect(squashed[1]).toEqual(shortest[1]); // 20 × 20
});

test('a tower with other names says which it has', async () => {
  place('second');
  copyFileSync('test/fixtures/clip/standin/onnx/vision_model.onnx', join(folder, 'textual/model.onnx'));
  await expect(loadClip(folder, { cacheDir })).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: expect.stringMatching(
      /has the inputs pixel_values .*has the input text and the output embedding or text_embedding/,
    ),
  });
});

test('the weights stay where they are: only graphs are written, and none the second time', async () => {
  await loadClip(place('first'), { cacheDir });
  const written = () =>
    readdirSync(cacheDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.name.endsWith('.onnx'));
  expect(
    written()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(['text_model.onnx', 'vision_model.onnx']);
  await loadClip(folder, { cacheDir });
  expect(written()).toHaveLength(2);
});

test('from a hub come the files of the layout, external weights included, and no others', async () => {
  place('first');
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)).replaceAll('\\', '/'));
  const mirror: Mirror = await startMirror(
    new Map([
      ...paths.map((path) => [`immich-app/tiny/${path}`, { body: readFileSync(join(folder, path)) }] as const),
      ['immich-app/tiny/visual/rknpu/rk3588/model.rknn', { body: Buffer.from('for another device') }],
    ]),
  );
  try {
    const options = { cacheDir, endpoint: mirror.endpoint, offline: false };
    const clip = await loadClip('immich-app/tiny', options);
    expectRows(await clip.text.encode(oracle.texts), rowsOf(oracle.textEmbeddings));
    expectRows(await clip.image.encode(pictures), rowsOf(oracle.imageEmbeddings));
    expect(paths.every((path) => existsSync(join(cacheDir, 'immich-app/tiny/main', path)))).toBe(true);
    expect(mirror.log.some((line) => line.includes('rknn'))).toBe(false);
    mirror.log.length = 0;
    await loadClip('immich-app/tiny', options);
    expect(mirror.log).toEqual([]);
  } finally {
    await mirror.close();
  }
});
