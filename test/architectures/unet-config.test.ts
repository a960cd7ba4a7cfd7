import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Parameters } from '../../engine/architectures/layers.ts';
import { buildUnet } from '../../engine/architectures/unet.ts';
import { type UnetHints, unetConfigOf } from '../../engine/architectures/unet-config.ts';
import { openWeights } from '../../engine/safetensors/weights.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/unet', import.meta.url));

type Shapes = Readonly<Record<string, readonly number[] | undefined>>;

/** The tiny SD 1.5 with other shapes for some names; undefined: not there. */
function tiny(changes: Shapes = {}): Parameters {
  const weights = openWeights(join(FIXTURES, 'sd15.safetensors'));
  const find = (name: string) => {
    if (!Object.hasOwn(changes, name)) return weights.get(name);
    const dims = changes[name];
    return dims && { name, path: 'x', type: 'float32' as const, dims, offset: 0, length: 0 };
  };
  return { source: 'x.safetensors', find };
}

const { config: hints } = JSON.parse(readFileSync(join(FIXTURES, 'sd15.json'), 'utf8')) as { config: UnetHints };

/** Channels and prompt width of a family in full size, one residual block a level: what `unetConfigOf` looks at. */
function family(channels: readonly number[], context: number, more: Shapes = {}): Parameters {
  const shapes: Record<string, readonly number[] | undefined> = {
    'conv_in.weight': [channels[0], 4, 3, 3],
    'conv_out.weight': [4, channels[0], 3, 3],
    ...more,
  };
  for (const [i, count] of channels.entries())
    for (const [blocks, level] of [['down_blocks', i] as const, ['up_blocks', channels.length - 1 - i] as const]) {
      shapes[`${blocks}.${level}.resnets.0.norm1.weight`] = [count];
      shapes[`${blocks}.${level}.resnets.0.conv1.weight`] = [count, count, 3, 3];
      shapes[`${blocks}.${level}.attentions.0.transformer_blocks.0.norm1.weight`] = [count];
      shapes[`${blocks}.${level}.attentions.0.transformer_blocks.0.attn2.to_k.weight`] = [count, context];
    }
  const find = (name: string) => {
    const dims = shapes[name];
    return dims && { name, path: 'x', type: 'float32' as const, dims, offset: 0, length: 0 };
  };
  return { source: 'x.safetensors', find };
}

test.each([
  ['Stable Diffusion 1', family([320, 640, 1280, 1280], 768), [8, 8, 8, 8]],
  ['Stable Diffusion 2', family([320, 640, 1280, 1280], 1024), [5, 10, 20, 20]],
  ['XL', family([320, 640, 1280], 2048), [5, 10, 20]],
  ["XL's refiner", family([384, 768, 1536, 1536], 1280), [6, 12, 24, 24]],
])('%s: without a config.json, heads follow from the family', (_, parameters, heads) => {
  const { down, up } = unetConfigOf(parameters);
  expect(down.map((stage) => stage.heads)).toEqual(heads);
  expect(up.map((stage) => stage.heads)).toEqual(heads.toReversed());
});

test('the sizes that XL is conditioned on: 6, and 5 in its refiner, beside a pooled text of 1280', () => {
  const xl = family([320, 640, 1280], 2048, { 'add_embedding.linear_1.weight': [1280, 2816] });
  expect(unetConfigOf(xl).sizes).toEqual({ count: 6, width: 256, pooledWidth: 1280 });
  const refiner = family([384, 768], 1280, { 'add_embedding.linear_1.weight': [1536, 2560] });
  expect(unetConfigOf(refiner).sizes).toEqual({ count: 5, width: 256, pooledWidth: 1280 });
});

test('levels, blocks and attention are read off the tensors', () => {
  expect(unetConfigOf(tiny(), hints)).toMatchObject({
    inChannels: 4,
    contextWidth: 12,
    groups: 2,
    down: [
      { depths: [1], heads: 2, resamples: true },
      { depths: [1], heads: 2, resamples: true },
      { depths: [0], heads: 2, resamples: false },
    ],
    mid: { depths: [1, 0] },
    up: [{ depths: [0, 0] }, { depths: [1, 1] }, { depths: [1, 1], resamples: false }],
    sizes: undefined,
    guidanceWidth: undefined,
  });
});

test.each<[string, Shapes, UnetHints, RegExp]>([
  [
    'an inpainting model',
    { 'conv_in.weight': [4, 9, 3, 3] },
    hints,
    /"conv_in\.weight" takes 9 channels .* inpainting/,
  ],
  ['a model for video', { 'conv_in.weight': [4, 4, 3, 3, 3] }, hints, /"conv_in\.weight" is \[4,4,3,3,3\].*video/],
  ['class labels', { 'class_embedding.weight': [10, 32] }, hints, /"class_embedding\.weight" belongs to class labels/],
  ['an unknown family without a config', {}, { norm_num_groups: 2 }, /width 12 .*config\.json/],
  ['heads that do not divide the channels', {}, { ...hints, attention_head_dim: 3 }, /4 channels .* 3 heads/],
  ['another activation', {}, { ...hints, act_fn: 'gelu' }, /act_fn to "gelu", not silu/],
  ['no convolution at the start', { 'conv_in.weight': undefined }, hints, /lacks the weight "conv_in\.weight"/],
])('refuses %s', (_, changes, given, message) => {
  expect(() => unetConfigOf(tiny(changes), given)).toThrow(message);
});

test('a missing or misshapen weight is named', () => {
  const build = (changes: Shapes) => () =>
    buildUnet({ config: unetConfigOf(tiny(), hints), parameters: tiny(changes) });
  expect(build({ 'mid_block.resnets.0.conv2.weight': undefined })).toThrow(
    'lacks the weight "mid_block.resnets.0.conv2.weight"',
  );
  expect(build({ 'mid_block.resnets.0.norm2.weight': [8, 1] })).toThrow(
    /"mid_block.resnets.0.norm2.weight" is \[8,1\]/,
  );
});
