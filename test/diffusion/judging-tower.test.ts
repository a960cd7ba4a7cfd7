// The text tower of a checkpoint and the picture tower of a file: one CLIP that judges, as PEZ needs it.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Part } from '../../engine/architectures/layouts/find-parts.ts';
import { loadVisionTower } from '../../engine/clip/clip.ts';
import { loadClipTokenizer } from '../../engine/clip/clip-tokenizer.ts';
import { LAST } from '../../engine/diffusion/hidden-layer.ts';
import { clipsBehind, judgingTower } from '../../engine/diffusion/judging-tower.ts';
import { makeOnnxModel } from '../../engine/diffusion/onnx-model.ts';
import { makePromptModel } from '../../engine/diffusion/prompt-model.ts';
import { textPart } from '../../engine/diffusion/weight-parts.ts';
import { createTextGradient } from '../../engine/pez/text-gradient.ts';
import { openWeights } from '../../engine/safetensors/weights.ts';
import { judgeWith } from '../../nodes/clip-kinds.ts';
import { clipFixture, clipTensors } from '../helpers/clip-weights.ts';
import { writeSafetensors } from '../helpers/safetensors-file.ts';
import { useCache } from './weights-cache.ts';

const root = mkdtempSync(join(tmpdir(), 'judging-tower-'));
useCache(root);
afterAll(() => rmSync(root, { recursive: true }));

const folder = join(import.meta.dirname, '../fixtures/diffusion/sd15/tokenizer');
const FIRST: Part = { part: 'text_encoder', layout: 'transformers', prefix: 'conditioner.embedders.0.transformer.' };
const SECOND: Part = { part: 'text_encoder', layout: 'open_clip', prefix: 'conditioner.embedders.1.model.' };
const fixture = clipFixture('open-clip-bare');

/** The text encoders of a checkpoint like SD XL's: the first without, the second with a projection. */
function xlText(parts: readonly Part[]) {
  const path = join(root, 'xl.safetensors');
  const second = Object.entries(clipTensors(fixture, SECOND.prefix)).filter(([name]) => !name.includes('.visual.'));
  const first = clipFixture('text-model-alone');
  const named = Object.entries(clipTensors(first)).map(
    ([name, t]) => [`${FIRST.prefix}text_model.${name}`, t] as const,
  );
  writeSafetensors(path, Object.fromEntries([...named, ...second]));
  const weights = openWeights(path);
  const encoders = parts.map((part) => ({
    model: makeOnnxModel(textPart(weights, part, { name: 'text', config: configOf(part) }).graph, 'cpu'),
    layer: LAST,
    tokenizer: () => loadClipTokenizer(folder, 16),
  }));
  return makePromptModel('xl', encoders);
}

const configOf = (part: Part) => (part === FIRST ? clipFixture('text-model-alone').config : undefined);

test('SD XL’s second text tower and a clip_vision file are a CLIP: similarity and gradient are PyTorch’s', async () => {
  const vision = join(root, 'vision.safetensors');
  const eyes = Object.entries(clipTensors(fixture)).filter(([name]) => name.startsWith('visual.'));
  writeSafetensors(vision, Object.fromEntries(eyes));
  cpSync(folder, root, { recursive: true });
  const clip = await judgeWith(xlText([FIRST, SECOND]), await loadVisionTower(vision));
  expect(clip.name).toBe(`xl + ${vision}`);
  const { ids, target, similarity, gradient } = fixture.gradient!;
  const search = await createTextGradient(clip, ids.dims[1]);
  const found = await search.run([ids.data], Float32Array.from(target.data));
  expect(Math.abs(found.similarities[0] - similarity)).toBeLessThan(1e-4);
  expect(Math.max(...gradient.data.map((v, i) => Math.abs(v - found.gradients[0][i])))).toBeLessThan(1e-4);
  const [picture] = await clip.image.encode([{ data: new Uint8Array(12), width: 2, height: 2, channels: 3 }]);
  expect(picture).toHaveLength(24);
});

test('a checkpoint without a projection has no tower that judges', async () => {
  expect(await judgingTower(xlText([FIRST]))).toBeUndefined();
  await expect(judgeWith(xlText([FIRST]), await loadVisionTower('pico-clip'))).rejects.toThrow(
    /^The CLIP of the checkpoint xl lacks text_projection, .*: connect Load CLIP here, .* openai\/clip-vit-large-patch14/,
  );
});

test('the CLIPs behind a checkpoint are known by the widths of its tables, or by their number', () => {
  expect(clipsBehind(xlText([FIRST]))).toEqual([]); // 32 wide: none that is known
  expect(clipsBehind(xlText([FIRST, SECOND])).map(({ label }) => label)).toEqual(['ViT-L/14', 'ViT-bigG/14']);
});
