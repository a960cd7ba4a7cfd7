// LoRAs on tiny checkpoints, against the same checkpoints with the LoRAs merged into their weights.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { originalLayerNames, originalUnet } from '../../engine/architectures/layouts/original-unet.ts';
import { type Checkpoint, loadCheckpoint } from '../../engine/diffusion/checkpoint.ts';
import { judgingTower } from '../../engine/diffusion/judging-tower.ts';
import { withClipLora, withModelLora } from '../../engine/diffusion/lora.ts';
import { sample } from '../../engine/diffusion/sample.ts';
import { toFloat32 } from '../../engine/onnx/tensor.ts';
import { openWeights } from '../../engine/safetensors/weights.ts';
import { type Tensors, writeCheckpoint } from '../helpers/checkpoint-file.ts';
import { random } from '../helpers/random.ts';
import { f32, type TensorSpec, writeSafetensors } from '../helpers/safetensors-file.ts';
import { relativeError } from './fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'lora-'));
const cacheBefore = process.env.HF_HOME;
process.env.HF_HOME = join(folder, 'cache');
afterAll(() => {
  process.env.HF_HOME = cacheBefore;
  rmSync(folder, { recursive: true });
});

/** Name in the LoRA → the tensor of the checkpoint that it changes; of a joined tensor, part `rows` of three. */
type Targets = Readonly<Record<string, string | readonly [name: string, rows: number]>>;

const UNET = 'model.diffusion_model';
const TE2 = 'conditioner.embedders.1.model.transformer.resblocks.0';
const TARGETS: Readonly<Record<string, Targets>> = {
  sd1: {
    lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q: `${UNET}.input_blocks.1.1.transformer_blocks.0.attn1.to_q`,
    lora_unet_down_blocks_0_attentions_0_proj_in: `${UNET}.input_blocks.1.1.proj_in`,
    lora_unet_mid_block_resnets_0_conv1: `${UNET}.middle_block.0.in_layers.2`,
    lora_unet_mid_block_attentions_0_transformer_blocks_0_ff_net_0_proj: `${UNET}.middle_block.1.transformer_blocks.0.ff.net.0.proj`,
    'unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0': `${UNET}.middle_block.1.transformer_blocks.0.attn2.to_out.0`,
    lora_te_text_model_encoder_layers_0_self_attn_q_proj:
      'cond_stage_model.transformer.text_model.encoder.layers.0.self_attn.q_proj',
    lora_te_text_model_encoder_layers_0_mlp_fc2: 'cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc2',
  },
  xl: {
    lora_unet_middle_block_1_transformer_blocks_0_attn2_to_k: `${UNET}.middle_block.1.transformer_blocks.0.attn2.to_k`,
    lora_unet_input_blocks_1_0_in_layers_2: `${UNET}.input_blocks.1.0.in_layers.2`,
    lora_te1_text_model_encoder_layers_0_mlp_fc1:
      'conditioner.embedders.0.transformer.text_model.encoder.layers.0.mlp.fc1',
    lora_te2_text_model_encoder_layers_0_mlp_fc1: `${TE2}.mlp.c_fc`,
    lora_te2_text_model_encoder_layers_0_self_attn_k_proj: [`${TE2}.attn.in_proj`, 1],
  },
};

const RANK = 2;
const weightName = (target: string): string => (target.endsWith('in_proj') ? `${target}_weight` : `${target}.weight`);

interface Change {
  readonly tensor: string;
  /** Where its rows begin. */
  readonly row: number;
  readonly out: number;
  readonly up: number[];
  readonly down: number[];
  readonly dims: readonly number[];
}

/** A random LoRA over these targets, with an alpha of 1. */
function writeLora(path: string, { targets, file, seed }: { targets: Targets; file: string; seed: number }): Change[] {
  const weights = openWeights(file);
  const tensors: Record<string, TensorSpec> = {};
  const changes = Object.entries(targets).map(([stem, target], i) => {
    const [name, part] = typeof target === 'string' ? [target, undefined] : target;
    const [rows, ...rest] = weights.dims(weightName(name))!;
    const out = part === undefined ? rows : rows / 3;
    const size = rest.reduce((a, b) => a * b);
    const next = random(seed + i);
    const [up, down] = [out * RANK, RANK * size].map((n) => Array.from({ length: n }, () => 2 * next() - 1));
    const [B, A] = stem.startsWith('unet.') ? ['lora_B', 'lora_A'] : ['lora_up', 'lora_down'];
    tensors[`${stem}.${B}.weight`] = f32([out, RANK, ...rest.slice(1).map(() => 1)], up);
    tensors[`${stem}.${A}.weight`] = f32([RANK, ...rest], down);
    tensors[`${stem}.alpha`] = f32([], [1]);
    return { tensor: weightName(name), row: (part ?? 0) * out, out, up, down, dims: [rows, ...rest] };
  });
  writeSafetensors(path, tensors);
  return changes;
}

function merge(tensors: Tensors, { tensor, row, out, up, down, dims }: Change, strength: number): void {
  const { dtype, bytes } = tensors[tensor];
  const values = toFloat32({ type: dtype === 'F16' ? 'float16' : 'float32', dims, bytes });
  const size = down.length / RANK;
  for (let i = 0; i < out; i++)
    for (let j = 0; j < size; j++) {
      let sum = 0;
      for (let r = 0; r < RANK; r++) sum += up[i * RANK + r] * down[r * size + j];
      values[(row + i) * size + j] += (strength / RANK) * sum;
    }
  tensors[tensor] = f32(dims, Array.from(values));
}

type Parts = Pick<Checkpoint, 'model' | 'clip'>;

/** States of the prompt, and the latent after two steps. */
async function draw({ model, clip }: Parts): Promise<{ states: Float32Array; latent: Float32Array }> {
  const positive = await clip.encode('a red fox');
  const latent = await sample({
    ...{ model, positive, negative: positive, latent: { shape: [1, 4, 8, 8], data: new Float32Array(256) } },
    ...{ seed: 1, steps: 2, cfg: 1, sampler: 'euler', scheduler: 'normal' },
  });
  return { states: positive[0].states, latent: latent.data };
}

describe.each(['sd1', 'xl'])('%s', (family) => {
  const file = join(folder, `${family}.safetensors`);
  const [first, second] = ['first', 'second'].map((name) => join(folder, `${family}-${name}.safetensors`));
  let checkpoint: Checkpoint;
  let changes: Change[][];

  beforeAll(async () => {
    writeCheckpoint(family, file);
    const targets = TARGETS[family];
    changes = [first, second].map((path, i) => writeLora(path, { targets, file, seed: 100 * i + 7 }));
    checkpoint = await loadCheckpoint(file);
  });
  afterAll(() => checkpoint.release());

  const merged = async (...strengths: number[]) => {
    const path = join(folder, `${family}-merged.safetensors`);
    writeCheckpoint(family, path, (tensors) => {
      strengths.forEach((strength, i) => {
        for (const change of changes[i]) merge(tensors, change, strength);
      });
    });
    const whole = await loadCheckpoint(path);
    const drawn = await draw(whole);
    await whole.release();
    return drawn;
  };
  const lora = ({ model, clip }: Parts, path: string, strength: number): Parts => ({
    model: withModelLora(model, path, strength),
    clip: withClipLora(clip, path, strength),
  });

  test('one at two strengths draws what the merged checkpoint draws, over one session', async () => {
    const plain = await draw(checkpoint);
    for (const strength of [1, -0.4]) {
      const [got, want] = [await draw(lora(checkpoint, first, strength)), await merged(strength)];
      expect(relativeError(got.states, want.states)).toBeLessThan(1e-4);
      expect(relativeError(got.latent, want.latent)).toBeLessThan(2e-4);
      expect(relativeError(plain.states, want.states)).toBeGreaterThan(1e-2);
      expect(relativeError(plain.latent, want.latent)).toBeGreaterThan(2e-3);
    }
    const [a, b] = [1, -0.4].map((strength) => withModelLora(checkpoint.model, first, strength).unet.model.time.runs);
    expect(a).toBe(4); // both, two steps each
    expect(b).toBe(a);
  });

  test('two of them add up', async () => {
    const got = await draw(lora(lora(checkpoint, first, 0.7), second, 0.3));
    const want = await merged(0.7, 0.3);
    expect(relativeError(got.states, want.states)).toBeLessThan(1e-4);
    expect(relativeError(got.latent, want.latent)).toBeLessThan(2e-4);
  });

  test('a strength of 0 is the model itself', () => {
    expect(withModelLora(checkpoint.model, first, 0)).toBe(checkpoint.model);
  });

  test("every layer's name in the original is found from the tensors alone", () => {
    const parameters = originalUnet(openWeights(file), `${UNET}.`);
    const original = originalLayerNames(parameters);
    const layers = [
      ...[
        'conv_in',
        'conv_out',
        'time_embedding.linear_2',
        'down_blocks.0.resnets.0.conv1',
        'mid_block.resnets.1.conv2',
      ],
      ...['down_blocks.0.downsamplers.0.conv', 'up_blocks.0.upsamplers.0.conv', 'up_blocks.1.resnets.1.conv_shortcut'],
      ...[
        'up_blocks.0.attentions.0.proj_in',
        'up_blocks.1.attentions.1.proj_out',
        'down_blocks.1.attentions.0.proj_in',
      ],
    ].filter((layer) => parameters.find(`${layer}.weight`));
    expect(layers.length).toBeGreaterThan(7);
    for (const layer of layers)
      expect(`${UNET}.${original(layer)}.weight`).toBe(parameters.find(`${layer}.weight`)!.name);
  });
});

test('a judge reads the text encoder as it was without LoRAs', async () => {
  const checkpoint = await loadCheckpoint(join(folder, 'xl.safetensors'));
  const changed = withClipLora(checkpoint.clip, join(folder, 'xl-first.safetensors'), 1);
  const [judge, plain] = [await judgingTower(changed), await judgingTower(checkpoint.clip)];
  expect(await judge!.text.encode(['a red fox'])).toEqual(await plain!.text.encode(['a red fox']));
});

describe('refusals', () => {
  const path = join(folder, 'wrong.safetensors');
  const pair = (stem: string) => ({
    [`${stem}.lora_up.weight`]: f32([2, 1], [0, 0]),
    [`${stem}.lora_down.weight`]: f32([1, 2], [0, 0]),
  });

  test('a LoRA for another kind of model is refused when the model is used', async () => {
    const file = writeCheckpoint('sd1', join(folder, 'base.safetensors'));
    const checkpoint = await loadCheckpoint(file);
    writeSafetensors(path, pair('lora_unet_double_blocks_0_img_attn_proj'));
    const { model, clip } = checkpoint;
    await expect(draw({ model: withModelLora(model, path, 1), clip })).rejects.toThrow(
      /made for another kind of model: of its 1 layers, such as "lora_unet_double_blocks_0_img_attn_proj", this one has 0/,
    );
    writeSafetensors(path, pair('lora_te_text_model_encoder_layers_0_mlp_fc1'));
    await expect(withClipLora(clip, path, 1).encode('a')).rejects.toThrow(
      /made for another model: .* leads from \[2\]/,
    );
    expect(withModelLora(model, path, 1)).toBe(model); // it has nothing for the U-Net
    await checkpoint.release();
  });

  test('an ONNX export has no names for its weights', async () => {
    const { model } = await loadCheckpoint('pico-diffusion');
    writeSafetensors(path, pair('lora_unet_mid_block_resnets_0_conv1'));
    expect(() => withModelLora(model, path, 1)).toThrow(/ONNX export, which no LoRA can be added to/);
    expect(() => withModelLora(model, path, 101)).toThrow(/strength_model must be a number from -100 to 100/);
    expect(() => withModelLora(model, join(folder, 'none.safetensors'), 1)).toThrow(/There is no file/);
  });
});
