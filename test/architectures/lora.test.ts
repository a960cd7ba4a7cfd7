import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLora, textStems, unetStems } from '../../engine/architectures/lora.ts';
import { f32, writeSafetensors } from '../helpers/safetensors-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'lora-'));
const path = join(folder, 'x.safetensors');
afterAll(() => rmSync(folder, { recursive: true }));

const zeros = (...shape: number[]) => f32(shape, Array(shape.reduce((a, b) => a * b, 1)).fill(0));
const QUERY = 'down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q';
const OUT = 'mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0';

/** Who writes names like this → [name of the up matrix, of the down matrix, the layer]. */
const NAMES: Record<string, [up: string, down: string, layer: string]> = {
  kohya: [
    'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_up.weight',
    '.lora_down.weight',
    QUERY,
  ],
  'kohya for SD XL': [
    'lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q.lora_up.weight',
    '.lora_down.weight',
    QUERY,
  ],
  PEFT: [`unet.${QUERY}.lora_B.weight`, '.lora_A.weight', QUERY],
  'PEFT without a prefix': [`base_model.model.${QUERY}.lora_B.weight`, '.lora_A.weight', QUERY],
  'diffusers before PEFT': [
    'unet.mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_out_lora.up.weight',
    '_lora.down.weight',
    OUT,
  ],
  'a LyCORIS trainer': [`lycoris_${OUT.replaceAll('.', '_')}.lora_up.weight`, '.lora_down.weight', OUT],
};

test.each(Object.entries(NAMES))("%s's names are found", (_, [up, end, layer]) => {
  const stem = up.replace(/[._]lora(_up|_B|\.up)\.weight$/, '');
  writeSafetensors(path, { [up]: zeros(6, 2), [stem + end]: zeros(2, 4) });
  const branch = openLora(path).find(unetStems(layer, 'input_blocks.1.1.transformer_blocks.0.attn1.to_q'));
  expect(branch).toMatchObject({ scale: 1, up: { dims: [6, 2] }, down: { dims: [2, 4] } });
});

test('text encoders are told apart', () => {
  const layer = 'text_model.encoder.layers.3.mlp.fc1';
  writeSafetensors(path, {
    'lora_te1_text_model_encoder_layers_3_mlp_fc1.lora_up.weight': zeros(6, 1),
    'lora_te1_text_model_encoder_layers_3_mlp_fc1.lora_down.weight': zeros(1, 4),
    'text_encoder_2.text_model.encoder.layers.3.mlp.fc1.lora_linear_layer.up.weight': zeros(6, 2),
    'text_encoder_2.text_model.encoder.layers.3.mlp.fc1.lora_linear_layer.down.weight': zeros(2, 4),
  });
  const lora = openLora(path);
  expect(lora.find(textStems(layer, 0, 2))?.up.dims).toEqual([6, 1]);
  expect(lora.find(textStems(layer, 1, 2))?.up.dims).toEqual([6, 2]);
  expect(lora.find(textStems('text_model.encoder.layers.4.mlp.fc1', 0, 2))).toBeUndefined();
  expect(lora.stems.size).toBe(2);
});

test('alpha is divided by the rank', () => {
  writeSafetensors(path, {
    'a.lora_up.weight': zeros(6, 4),
    'a.lora_down.weight': zeros(4, 5),
    'a.alpha': f32([], [1]),
  });
  expect(openLora(path).find(['a'])?.scale).toBe(0.25);
});

test.each([
  ['LoHa', { 'a.hada_w1_a': zeros(1) }],
  ['LoKr', { 'a.lokr_w1': zeros(1) }],
  ['DoRA', { 'a.lora_up.weight': zeros(2, 1), 'a.lora_down.weight': zeros(1, 2), 'a.dora_scale': zeros(2) }],
  ['LoCon with a middle matrix', { 'a.lora_mid.weight': zeros(1) }],
  ['a full difference of weights', { 'a.diff': zeros(2, 2) }],
] as const)('%s is refused by name', (method, tensors) => {
  writeSafetensors(path, tensors);
  expect(() => openLora(path)).toThrow(new RegExp(`holds ${method}.*can be used`));
});

test('files that are no LoRA, or half of one, are refused', () => {
  writeSafetensors(path, { 'model.diffusion_model.input_blocks.0.0.weight': zeros(1) });
  expect(() => openLora(path)).toThrow(/is not a LoRA: it has tensors such as model.diffusion_model/);
  writeSafetensors(path, { 'a.lora_up.weight': zeros(2, 1) });
  expect(() => openLora(path)).toThrow(/only one of the two matrices of "a"/);
  writeSafetensors(path, { 'a.lora_up.weight': zeros(2, 3), 'a.lora_down.weight': zeros(1, 2) });
  expect(() => openLora(path).find(['a'])).toThrow(/\[1,2\] and \[2,3\], which do not follow/);
});
