// CLIP's picture tower built from weights in each layout, against PyTorch.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import {
  bareVisionConfig,
  type OpenClipConfig,
  openClipVisionConfig,
  type TransformersTowerConfig,
  transformersVisionConfig,
} from '../../engine/architectures/clip-config.ts';
import type { ClipEncoderConfig } from '../../engine/architectures/clip-encoder.ts';
import { buildClipVision, clipVisionSizes } from '../../engine/architectures/clip-vision.ts';
import { clipIn, type FoundClip } from '../../engine/architectures/layouts/clip.ts';
import { placeGraph } from '../../engine/architectures/place-graph.ts';
import { openSession } from '../../engine/onnx/session.ts';
import { openWeights } from '../../engine/safetensors/weights.ts';
import { type ClipFixture, clipFixture, clipTensors, pixelsOf } from '../helpers/clip-weights.ts';
import { f32, writeSafetensors } from '../helpers/safetensors-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'clip-vision-'));
const cacheDir = join(folder, 'cache');
afterAll(() => rmSync(folder, { recursive: true }));

const transformers = ({ config }: ClipFixture) =>
  transformersVisionConfig(config.vision_config as TransformersTowerConfig, 'x');
const openClip = ({ config }: ClipFixture) => openClipVisionConfig(config.model_cfg as OpenClipConfig, 'x');
const CONFIGS: Record<string, (fixture: ClipFixture, found: FoundClip) => ClipEncoderConfig> = {
  'transformers-quick-gelu': transformers,
  'transformers-gelu': transformers,
  'open-clip-gelu': openClip,
  'open-clip-quick-gelu': openClip,
  'open-clip-bare': (_, found) => bareVisionConfig(found),
};

const isVision = (name: string) => /^(vision_model|visual)/.test(name);

/** A file that holds the picture tower alone, as in a folder `clip_vision`. */
function visionFile(name: string, fixture: ClipFixture): FoundClip {
  const path = join(folder, `${name}.safetensors`);
  const tensors = Object.entries(clipTensors(fixture)).filter(([key]) => isVision(key));
  writeSafetensors(path, Object.fromEntries(tensors));
  return clipIn(openWeights(path))!;
}

test.each(Object.keys(CONFIGS))('%s: the embedding of pictures is PyTorch’s', async (name) => {
  const fixture = clipFixture(name);
  const found = visionFile(name, fixture);
  expect(found).toMatchObject({ text: false, vision: true });
  const { parameters } = found;
  const [width, layers] = name === 'open-clip-bare' ? [768, 1] : [40, 2];
  expect(clipVisionSizes(parameters)).toEqual({ width, patch: 8, image: 16, layers, projection: 24 });
  const graph = buildClipVision({ config: CONFIGS[name](fixture, found), parameters });
  const session = await openSession(placeGraph(graph, { name: 'vision_model', cacheDir }));
  const { dims, image_embeds } = fixture.image!;
  const out = await session.run({ pixel_values: new ort.Tensor('float32', pixelsOf(fixture), dims) });
  expect(out.image_embeds.dims).toEqual(image_embeds.dims);
  const numbers = out.image_embeds.data as Float32Array;
  expect(Math.max(...image_embeds.data.map((v, i) => Math.abs(v - numbers[i])))).toBeLessThan(1e-4);
});

test('a width that no CLIP has needs a configuration', () => {
  const found = visionFile('unknown', clipFixture('open-clip-gelu'));
  expect(() => bareVisionConfig(found)).toThrow(
    /unknown.safetensors holds a picture tower of width 40, .* put its config.json or open_clip_config.json beside it\. .* 768, 1024, 1280, 1408, 1664 can be used/,
  );
});

test('OpenAI’s own files are known by the counts that they carry, and have its activation', () => {
  const path = join(folder, 'openai.safetensors');
  const counts = ['input_resolution', 'context_length', 'vocab_size'].map((name) => [name, f32([], [1])] as const);
  writeSafetensors(path, { ...clipTensors(clipFixture('open-clip-bare')), ...Object.fromEntries(counts) });
  expect(bareVisionConfig(clipIn(openWeights(path))!)).toMatchObject({ heads: 12, activation: 'quick_gelu' });
});

test('a tower that is not CLIP’s own is refused by the setting that makes it another', () => {
  const config = {
    text_cfg: { hf_model_name: 'xlm-roberta-base' },
    vision_cfg: { timm_model_name: null, no_ln_pre: true },
  };
  expect(() => openClipVisionConfig(config, 'x.json')).toThrow(/^x.json has vision_cfg.no_ln_pre = true, a tower/);
  expect(() => transformersVisionConfig({ hidden_act: 'relu' }, 'x.json')).toThrow(
    /^x.json asks for the activation "relu"/,
  );
});

test('a position table that fits no square picture is refused', () => {
  const path = join(folder, 'oblong.safetensors');
  const tensors = clipTensors(clipFixture('open-clip-gelu'));
  writeSafetensors(path, { ...tensors, 'visual.positional_embedding': f32([4, 40], new Array(160).fill(0)) });
  expect(() => clipVisionSizes(clipIn(openWeights(path))!.parameters)).toThrow(
    /oblong.safetensors: a table of 4 positions fits no square picture/,
  );
});
