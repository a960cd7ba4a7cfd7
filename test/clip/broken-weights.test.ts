// Files that are given as a CLIP and are none, or are damaged: each ends with one sentence that says what it is.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadClip, loadVisionTower } from '../../engine/clip/clip.ts';
import { createTextGradient } from '../../engine/pez/text-gradient.ts';
import { clipFixture, clipTensors } from '../helpers/clip-weights.ts';
import { f32, type TensorSpec, writeSafetensors } from '../helpers/safetensors-file.ts';

const root = mkdtempSync(join(tmpdir(), 'broken-clip-'));
const options = { cacheDir: join(root, 'cache'), offline: true };
afterAll(() => rmSync(root, { recursive: true }));

const tokenizer = join(import.meta.dirname, '../fixtures/diffusion/sd15/tokenizer');
let count = 0;

/** A folder with a tokenizer and these tensors as model.safetensors. */
function write(tensors: Record<string, TensorSpec>, config?: unknown): string {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  cpSync(tokenizer, folder, { recursive: true });
  if (config) writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeSafetensors(join(folder, 'model.safetensors'), tensors);
  return folder;
}

const fixture = clipFixture('transformers-quick-gelu');
const { config } = fixture;
const tensors = clipTensors(fixture);
const one = f32([1], [0]);

const named = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, one]));
const SIGLIP = { ...tensors, ...named(['vision_model.head.probe', 'logit_bias']) };
const FOREIGN: Record<string, [Record<string, TensorSpec>, RegExp]> = {
  'a T5': [named(['encoder.block.0.layer.0.SelfAttention.k.weight', 'shared.weight']), /T5 text encoder\.$/],
  'a SigLIP': [SIGLIP, /SigLIP .*\.$/],
  'a LoRA': [
    named([
      'lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight',
      'lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight',
    ]),
    /LoRA.*\.$/,
  ],
  'a U-Net': [
    { 'conv_in.weight': f32([1, 4, 3, 3], new Array(36).fill(0)), ...named(['up_blocks.0.resnets.0.norm1.weight']) },
    /U-Net.*\.$/,
  ],
  'something else': [named(['a.b', 'c.d']), /unknown \(a\.b, c\.d\)\.$/],
};

test.each(Object.entries(FOREIGN))('%s is not a CLIP, and it is said what it is', async (_, [weights, what]) => {
  const folder = write(weights, config);
  await expect(loadClip(folder, options)).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: expect.stringMatching(what),
  });
  await expect(loadClip(folder, options)).rejects.toThrow(
    `${folder}/model.safetensors is not a CLIP; it looks like this: `,
  );
});

test('a pickle is refused, with the way to convert it', async () => {
  const folder = write({});
  rmSync(join(folder, 'model.safetensors'));
  for (const name of ['pytorch_model.bin', 'clip.pt']) writeFileSync(join(folder, name), 'x');
  await expect(loadClip(folder, options)).rejects.toThrow(
    /pytorch_model\.bin is a pickle, .* Use a \.safetensors file/,
  );
  await expect(loadClip(join(folder, 'clip.pt'), options)).rejects.toThrow(/clip\.pt is a pickle/);
  await expect(loadClip(join(folder, 'none.safetensors'), options)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
});

test('weights that are no numbers are said to be damaged, by the name of the user’s file', async () => {
  const name = 'text_model.encoder.layers.1.mlp.fc2.bias';
  const nan = { ...tensors, [name]: f32([32], new Array(32).fill(Number.NaN)) };
  const folder = write(nan, config);
  const clip = await loadClip(folder, options);
  const message = `${folder}/model.safetensors returned an embedding of length NaN: its weights are damaged.`;
  await expect(clip.text.encode(['red cat'])).rejects.toMatchObject({ code: 'MODEL_INVALID', message });
  await expect(createTextGradient(clip, 6)).rejects.toMatchObject({ code: 'MODEL_INVALID', message });
});

const without = (pattern: RegExp) =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => !pattern.test(name)));
const DAMAGED: Record<string, [Record<string, TensorSpec>, unknown, string]> = {
  'a layer in the middle is missing': [
    without(/^text_model\.encoder\.layers\.0\./),
    config,
    ' lacks the weight "text_model.encoder.layers.0.layer_norm1.weight".',
  ],
  'the last layer is missing': [
    without(/^text_model\.encoder\.layers\.1\./),
    config,
    'config.json does not belong to FOLDER/model.safetensors: it says layers 2, the weights have 1.',
  ],
  'one matrix is missing': [
    without(/layers\.1\.self_attn\.v_proj\.weight$/),
    config,
    ' lacks the weight "text_model.encoder.layers.1.self_attn.v_proj.weight".',
  ],
  'a matrix has another size': [
    { ...tensors, 'text_model.encoder.layers.1.mlp.fc1.weight': f32([2, 3], [1, 2, 3, 4, 5, 6]) },
    config,
    ': the weight "text_model.encoder.layers.1.mlp.fc1.weight" is [2,3]; [any,32] is needed.',
  ],
  'the configuration is another model’s': [
    tensors,
    { text_config: { hidden_size: 512 }, vision_config: {} },
    'config.json does not belong to FOLDER/model.safetensors: it says width 512, the weights have 32.',
  ],
  'the heads cannot share the width': [
    tensors,
    { text_config: { num_attention_heads: 5 }, vision_config: {} },
    ': 5 attention heads cannot share a width of 32.',
  ],
  'the projection is missing': [
    without(/^text_projection/),
    config,
    ' is a text tower without text_projection, the matrix that leads into the space of pictures',
  ],
  'the tokenizer has more tokens than the table': [
    { ...tensors, 'text_model.embeddings.token_embedding.weight': f32([9, 32], new Array(288).fill(1)) },
    config,
    ' has 9 token embeddings, and the tokenizer in FOLDER 527 tokens',
  ],
};

test.each(Object.entries(DAMAGED))('%s', async (_, [weights, json, message]) => {
  const folder = write(weights, json);
  await expect(loadClip(folder, options)).rejects.toThrow(message.replaceAll('FOLDER', folder));
});

test('a picture tower without its projection cannot judge, and a ResNet is no ViT', async () => {
  const bare = write(without(/^visual_projection|^text/), config);
  await expect(loadVisionTower(bare, options)).rejects.toThrow(/is a picture tower without visual_projection/);
  await expect(loadVisionTower(write(without(/^vision_model|^visual/), config), options)).rejects.toThrow(
    /holds no picture tower that can be used; a ViT as CLIP has it can/,
  );
});
