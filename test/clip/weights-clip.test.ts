// CLIPs whose weights are .safetensors: every form in which they lie on disks, with embeddings and gradients against PyTorch.
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clip, loadClip } from '../../engine/clip/clip.ts';
import { invert } from '../../engine/pez/invert.ts';
import { createTextGradient } from '../../engine/pez/text-gradient.ts';
import { type ClipFixture, clipFixture, clipTensors, type NumberTable } from '../helpers/clip-weights.ts';
import { type TensorSpec, writeSafetensors } from '../helpers/safetensors-file.ts';

const root = mkdtempSync(join(tmpdir(), 'weights-clip-'));
const options = { cacheDir: join(root, 'cache'), offline: true };
afterAll(() => rmSync(root, { recursive: true }));

/** vocab.json and merges.txt of 527 tokens, which all fixtures share. */
const tokenizer = join(import.meta.dirname, '../fixtures/diffusion/sd15/tokenizer');

let count = 0;
/** A new folder, with a tokenizer. */
function makeFolder(): string {
  const folder = join(root, String(count++));
  cpSync(tokenizer, folder, { recursive: true });
  return folder;
}

const writeJson = (path: string, value: unknown) => writeFileSync(path, JSON.stringify(value));

/** A folder as the hub has it: transformers' files, or OpenCLIP's. */
function writeFolder(name: string, fixture = clipFixture(name)): string {
  const folder = makeFolder();
  const open = name.startsWith('open');
  writeJson(join(folder, open ? 'open_clip_config.json' : 'config.json'), fixture.config);
  writeSafetensors(join(folder, open ? 'open_clip_model.safetensors' : 'model.safetensors'), clipTensors(fixture));
  return folder;
}

const unit = (v: readonly number[]) => v.map((x) => x / Math.hypot(...v));
const row = ({ dims: [, n], data }: NumberTable, i: number) => data.slice(i * n, (i + 1) * n);
const distance = (a: ArrayLike<number>, b: readonly number[]) => Math.max(...b.map((v, i) => Math.abs(v - a[i])));

/** Text embeddings and one gradient are PyTorch's, to 1e-4. */
async function expectOracle(clip: Clip, { ids, text, gradient }: ClipFixture): Promise<void> {
  const rows = [0, 1].map((i) => row(ids, i));
  const embeddings = await clip.text.encodeFramed(rows);
  embeddings.forEach((e, i) => {
    expect(distance(e, unit(row(text.text_embeds!, i)))).toBeLessThan(1e-4);
  });
  const { dims, data } = gradient!.ids;
  const search = await createTextGradient(clip, dims[1]);
  const { similarities, gradients } = await search.run([data], Float32Array.from(gradient!.target.data));
  expect(Math.abs(similarities[0] - gradient!.similarity)).toBeLessThan(1e-4);
  expect(distance(gradients[0], gradient!.gradient.data)).toBeLessThan(1e-4);
}

const BLACK = { data: new Uint8Array(12), width: 2, height: 2, channels: 3 as const };

const FIXTURES = [
  'transformers-quick-gelu',
  'transformers-gelu',
  'open-clip-gelu',
  'open-clip-quick-gelu',
  'open-clip-bare',
];

test.each(FIXTURES)('a folder with %s gives PyTorch’s embeddings and gradients', async (name) => {
  const fixture = clipFixture(name);
  const clip = await loadClip(writeFolder(name, fixture), options);
  expect(clip.tokenizer).toMatchObject({ contextLength: 16, vocabSize: 527, endId: 526 });
  expect(await clip.text.dim()).toBe(24);
  await expectOracle(clip, fixture);
  const pixels = {
    data: new Uint8Array(9 * 20 * 3).map((_, i) => (i * 7) % 256),
    width: 9,
    height: 20,
    channels: 3 as const,
  };
  const [picture] = await clip.image.encode([pixels]);
  expect(Math.hypot(...picture)).toBeCloseTo(1, 5);
});

test('weights in shards are one model', async () => {
  const fixture = clipFixture('transformers-gelu');
  const folder = writeFolder('transformers-gelu', fixture);
  rmSync(join(folder, 'model.safetensors'));
  const shards: Record<string, TensorSpec>[] = [{}, {}];
  const map: Record<string, string> = {};
  Object.entries(clipTensors(fixture)).forEach(([name, tensor], i) => {
    shards[i % 2][name] = tensor;
    map[name] = `model-0000${(i % 2) + 1}-of-00002.safetensors`;
  });
  shards.forEach((shard, i) => {
    writeSafetensors(join(folder, `model-0000${i + 1}-of-00002.safetensors`), shard);
  });
  writeJson(join(folder, 'model.safetensors.index.json'), { metadata: {}, weight_map: map });
  await expectOracle(await loadClip(folder, options), fixture);
});

test('half precision is taken where it is asked for, or where there is no other', async () => {
  const fixture = clipFixture('transformers-gelu');
  const folder = writeFolder('transformers-gelu', fixture);
  renameSync(join(folder, 'model.safetensors'), join(folder, 'model.fp16.safetensors'));
  await expectOracle(await loadClip(folder, options), fixture);
  writeSafetensors(join(folder, 'model.safetensors'), {});
  await expectOracle(await loadClip(folder, { ...options, dtype: 'fp16' }), fixture);
});

describe('a file alone', () => {
  /** As in a folder `clip_vision` or `text_encoders`: some of the tensors. */
  function writePart(folder: string, file: string, part: RegExp): string {
    const path = join(folder, file);
    mkdirSync(folder, { recursive: true });
    const tensors = Object.entries(clipTensors(clipFixture('open-clip-bare'))).filter(([name]) => part.test(name));
    writeSafetensors(path, Object.fromEntries(tensors));
    return path;
  }
  const isVision = /^visual\./;
  const isText = /^(?!visual\.)/;

  test('is a CLIP if it holds both towers', async () => {
    const path = writePart(makeFolder(), 'ViT.safetensors', /./);
    await expectOracle(await loadClip(path, options), clipFixture('open-clip-bare'));
  });

  test('of the text tower gets its eyes from another file', async () => {
    const folder = makeFolder();
    const text = writePart(folder, 'text.safetensors', isText);
    const vision = writePart(folder, 'vision.safetensors', isVision);
    const clip = await loadClip(text, { ...options, vision });
    expect(clip.name).toBe(`${text} + ${vision}`);
    await expectOracle(clip, clipFixture('open-clip-bare'));
    const [picture] = await clip.image.encode([BLACK]);
    expect(picture).toHaveLength(24);
    const alone = await loadClip(text, options);
    await expect(alone.image.encode([BLACK])).rejects.toThrow(
      `${text} cannot read images: it holds the text tower of a CLIP alone.`,
    );
    await expect(loadClip(vision, options)).rejects.toThrow(/holds the picture tower of a CLIP alone/);
    await expect(loadClip(text, { ...options, vision: 'pico-clip' })).rejects.toThrow(
      /ends in 24 numbers, and the picture tower of pico-clip in \d+: they do not belong to the same CLIP/,
    );
  });
});

test('PEZ finds words for a picture in a folder of .safetensors', async () => {
  const clip = await loadClip(writeFolder('transformers-gelu'), options);
  const picture = {
    data: new Uint8Array(16 * 16 * 3).map((_, i) => (i * 37) % 256),
    width: 16,
    height: 16,
    channels: 3 as const,
  };
  const search = { targets: [{ image: picture }], length: 3, steps: 20, restarts: 1, seed: 1 };
  const { prompt, similarity, ids } = await invert(clip, search);
  const [target] = await clip.image.encode([picture]);
  const cosines = (await clip.text.encode([prompt, 'red cat dog', 'the blue dog', 'a b c', '! ? .'])).map((e) =>
    e.reduce((sum, x, i) => sum + x * target[i], 0),
  );
  expect(ids).toHaveLength(3);
  expect(similarity).toBeCloseTo(cosines[0], 4);
  expect(similarity).toBeGreaterThan(Math.max(...cosines.slice(1)));
});
