// What a .safetensors file is, told from a header of the names and shapes that such files have.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelKindOf } from '../../engine/architectures/model-kind.ts';
import { f32, writeSafetensors } from '../helpers/safetensors-file.ts';
import { headerOnly } from './header-only.ts';

type Shapes = Readonly<Record<string, readonly number[]>>;

const block = (prefix: string, context: number, linear: boolean, count = 1): Shapes =>
  Object.fromEntries([
    [`${prefix}.proj_in.weight`, linear ? [8, 8] : [8, 8, 1, 1]],
    ...Array.from({ length: count }, (_, i) => [`${prefix}.transformer_blocks.${i}.attn2.to_k.weight`, [8, context]]),
  ]);

/** A U-Net in the original's names. */
const unet = (
  context: number,
  { linear = false, channels = 320, inChannels = 4, more = {} as Shapes } = {},
): Shapes => ({
  'input_blocks.0.0.weight': [channels, inChannels, 3, 3],
  'output_blocks.0.0.in_layers.0.weight': [2 * channels],
  ...block('input_blocks.1.1', context, linear),
  ...more,
});
const xl = (depths: readonly number[], context = 2048, more: Shapes = {}) => ({
  'input_blocks.0.0.weight': [320, 4, 3, 3],
  'output_blocks.0.0.in_layers.0.weight': [2560],
  'label_emb.0.0.weight': [1280, 2816],
  ...Object.assign({}, ...depths.map((depth, i) => block(`input_blocks.${[4, 5, 7, 8][i]}.1`, context, true, depth))),
  ...more,
});

const under = (prefix: string, shapes: Shapes): Shapes =>
  Object.fromEntries(Object.entries(shapes).map(([name, dims]) => [prefix + name, dims]));

const sd = (shapes: Shapes) => under('model.diffusion_model.', shapes);
const vae: Shapes = {
  'decoder.conv_in.weight': [512, 4, 3, 3],
  'decoder.mid.block_1.norm1.weight': [512],
  'encoder.mid.block_1.norm1.weight': [512],
};
const firstStage = under('first_stage_model.', vae);
const clip = (width: number): Shapes => ({
  'text_model.embeddings.token_embedding.weight': [49408, width],
  'text_model.final_layer_norm.weight': [width],
});
const openClip = (width: number): Shapes => ({
  'token_embedding.weight': [49408, width],
  'transformer.resblocks.0.ln_1.weight': [width],
});
const vision = (width: number, patch: number, positions = 257): Shapes => ({
  'vision_model.embeddings.class_embedding': [width],
  'vision_model.embeddings.patch_embedding.weight': [width, 3, patch, patch],
  'vision_model.embeddings.position_embedding.weight': [positions, width],
});
const clipL = under('cond_stage_model.transformer.', clip(768));
const clipH = under('cond_stage_model.model.', openClip(1024));
const xlTowers = {
  ...under('conditioner.embedders.0.transformer.', clip(768)),
  ...under('conditioner.embedders.1.model.', openClip(1280)),
};

// prettier-ignore
const FILES: Record<string, [shapes: Shapes, kind: string, supported: boolean, metadata?: Record<string, string>]> = {
  'SD 1.5': [{ ...sd(unet(768)), ...firstStage, ...clipL }, 'checkpoints', true],
  'SD 1.5 without VAE': [{ ...sd(unet(768)), ...clipL }, 'checkpoints', true],
  'SD 1.5 without text encoder': [{ ...sd(unet(768)), ...firstStage }, 'checkpoints', true],
  'SD 1.5, U-Net only': [unet(768), 'diffusion_models', true],
  'SD 1.5 LCM, U-Net only': [
    unet(768, { more: { 'time_embed.cond_proj.weight': [320, 256] } }),
    'diffusion_models',
    true,
  ],
  'SD 2.x': [{ ...sd(unet(1024, { linear: true })), ...firstStage, ...clipH }, 'checkpoints', true],
  'SD 2.x (v)': [
    { ...sd(unet(1024, { linear: true })), ...firstStage, ...clipH },
    'checkpoints',
    true,
    { 'modelspec.prediction_type': 'v' },
  ],
  'SD XL': [{ ...sd(xl([2, 2, 10, 10])), ...firstStage, ...xlTowers }, 'checkpoints', true],
  'SD XL (v)': [{ ...sd(xl([2, 2, 10, 10])), ...firstStage, ...xlTowers, v_pred: [], ztsnr: [] }, 'checkpoints', true],
  'SD XL refiner': [
    {
      ...sd({ ...unet(1280, { linear: true, channels: 384 }), 'label_emb.0.0.weight': [1536, 2560] }),
      ...firstStage,
      ...under('conditioner.embedders.0.model.', openClip(1280)),
    },
    'checkpoints',
    false,
  ],
  'SSD-1B (distilled SD XL)': [{ ...sd(xl([2, 2, 4, 4])), ...firstStage, ...xlTowers }, 'checkpoints', true],
  'an inpainting model': [{ ...sd(unet(768, { inChannels: 9 })), ...firstStage, ...clipL }, 'checkpoints', false],
  'an editing model (InstructPix2Pix)': [
    { ...sd(unet(768, { inChannels: 8 })), ...firstStage, ...clipL },
    'checkpoints',
    false,
  ],
  'a video model (Stable Video Diffusion)': [
    sd(
      unet(1024, {
        linear: true,
        inChannels: 8,
        more: { 'input_blocks.1.1.time_stack.0.attn1.to_q.weight': [320, 320] },
      }),
    ),
    'diffusion_models',
    false,
  ],
  'a quantised model (scaled FP8 or NF4)': [
    { ...sd(xl([2, 2, 10, 10])), 'model.diffusion_model.scaled_fp8': [0] },
    'diffusion_models',
    false,
  ],
  'CLIP ViT-L/14 text, quantised': [{ ...clip(768), scaled_fp8: [0] }, 'text_encoders', false],
  'Playground 2.5 (EDM)': [
    { ...sd(xl([2, 2, 10, 10])), ...firstStage, edm_mean: [4], edm_std: [4] },
    'checkpoints',
    false,
  ],
  'SD 3': [sd({ 'joint_blocks.0.context_block.attn.qkv.weight': [8, 8] }), 'diffusion_models', false],
  Flux: [
    { 'double_blocks.0.img_attn.norm.key_norm.scale': [128], 'img_in.weight': [3072, 64] },
    'diffusion_models',
    false,
  ],
  'Hunyuan Video': [{ 'txt_in.individual_token_refiner.blocks.0.norm1.weight': [8] }, 'diffusion_models', false],
  'Wan (video)': [{ 'head.modulation': [1, 2, 8] }, 'diffusion_models', false],
  AuraFlow: [sd({ 'double_layers.0.attn.w1q.weight': [8, 8] }), 'diffusion_models', false],
  PixArt: [{ 't_block.1.weight': [8, 8] }, 'diffusion_models', false],
  'CLIP ViT-L/14 text': [clip(768), 'text_encoders', true],
  'CLIP ViT-H/14 text': [openClip(1024), 'text_encoders', true],
  'CLIP ViT-L/14': [{ ...clip(768), ...vision(1024, 14) }, 'clip_vision', true],
  'CLIP ViT-L/14-336 vision': [vision(1024, 14, 577), 'clip_vision', true],
  'CLIP ViT-H/14 vision': [vision(1280, 14), 'clip_vision', true],
  VAE: [vae, 'vae', true],
  'a VAE of 16 channels, as SD 3 and Flux have': [{ ...vae, 'decoder.conv_in.weight': [512, 16, 3, 3] }, 'vae', false],
  'T5 text encoder': [{ 'encoder.block.0.layer.0.SelfAttention.k.weight': [8, 8] }, 'text_encoders', false],
  ControlNet: [
    {
      'control_model.input_hint_block.0.weight': [16, 3, 3, 3],
      'control_model.input_blocks.0.0.weight': [320, 4, 3, 3],
    },
    'controlnet',
    false,
  ],
  'an upscaler': [{ 'conv_first.weight': [64, 3, 3, 3] }, 'upscale_models', false],
  'an embedding (textual inversion)': [{ emb_params: [4, 768] }, 'embeddings', false],
  'unknown (a, b, c)': [{ a: [], b: [], c: [], d: [] }, 'unknown', false],
  'LoRA (kohya, SD 1.x)': [
    { 'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight': [4, 768] },
    'loras',
    true,
  ],
  'LoRA (kohya, SD XL)': [
    { 'lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight': [4, 1280] },
    'loras',
    true,
  ],
  'LoRA (diffusers, SD XL)': [
    { 'unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight': [4, 2048] },
    'loras',
    true,
  ],
  'LoRA (kohya, SD 2.x)': [
    { 'lora_unet_a.lora_down.weight': [4, 8] },
    'loras',
    true,
    { ss_base_model_version: 'sd_v2_768_v' },
  ],
  'LoHa (kohya, SD 1.x)': [{ 'lora_unet_a.hada_w1_a': [4, 8] }, 'loras', false, { ss_base_model_version: 'sd_v1' }],
  'LoRA (diffusers, Flux)': [
    { 'transformer.single_transformer_blocks.0.attn.to_k.lora_A.weight': [4, 8] },
    'loras',
    false,
  ],
};

test.each(Object.entries(FILES))('%s', (label, [shapes, kind, supported, metadata]) => {
  expect(modelKindOf(headerOnly(shapes, metadata))).toMatchObject({ label, kind, supported });
});

test("Flux in diffusers' names is not taken for SD 3", () => {
  const names = ['transformer_blocks.0.ff_context.net.0.proj.weight', 'single_transformer_blocks.0.attn.norm_q.weight'];
  const shapes = Object.fromEntries(names.map((name) => [name, [8]]));
  expect(modelKindOf(headerOnly(shapes)).label).toBe('Flux');
  expect(modelKindOf(headerOnly({ [names[0]]: [8] })).label).toBe('SD 3');
});

test('base, prediction and noise levels of a checkpoint are told, and where its parts stand', () => {
  expect(modelKindOf(headerOnly(FILES['SD XL (v)'][0]))).toMatchObject({
    base: 'sdxl',
    prediction: 'v_prediction',
    zeroTerminalSnr: true,
  });
  const { parts } = modelKindOf(headerOnly(FILES['SD XL'][0]));
  expect(parts.filter(({ part }) => part === 'text_encoder')).toEqual([
    { part: 'text_encoder', layout: 'transformers', prefix: 'conditioner.embedders.0.transformer.' },
    { part: 'text_encoder', layout: 'open_clip', prefix: 'conditioner.embedders.1.model.' },
  ]);
});

test.each([
  [0.2, 'v_prediction'],
  [0.02, 'epsilon'],
])('of two SD 2 files that say nothing, one bias of spread %d means %s', (spread, prediction) => {
  const folder = mkdtempSync(join(tmpdir(), 'model-kind-'));
  const path = join(folder, 'x.safetensors');
  const shapes: Shapes = sd({
    'input_blocks.0.0.weight': [8, 4, 1, 1],
    'output_blocks.0.0.in_layers.0.weight': [8],
    'input_blocks.1.1.proj_in.weight': [8, 8],
    'input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight': [8, 4],
    'output_blocks.11.1.transformer_blocks.0.norm1.bias': [2],
  });
  writeSafetensors(
    path,
    Object.fromEntries(
      Object.entries(shapes).map(([name, dims]) => {
        const count = dims.reduce((a, b) => a * b, 1);
        return [name, f32(dims, name.endsWith('bias') ? [spread, -spread] : Array(count).fill(0))];
      }),
    ),
  );
  expect(modelKindOf(path)).toMatchObject({ base: 'sd2', prediction });
  rmSync(folder, { recursive: true });
});
