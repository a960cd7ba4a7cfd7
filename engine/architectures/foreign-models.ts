// Models that this program does not run, each by a name that only its files have: so that a refusal can say what the file is.
import type { Weights } from '../safetensors/weights.ts';
import type { Part } from './layouts/find-parts.ts';
import type { ModelFolder } from './model-kind.ts';

interface Foreign {
  readonly kind: ModelFolder;
  readonly label: string;
  readonly names: readonly string[];
}

/** What may stand before a diffusion model's names. */
const DIFFUSION_PREFIXES = ['model.diffusion_model.', 'diffusion_model.', '', 'model.', 'net.', 'transformer.'];

// prettier-ignore
const DIFFUSION: readonly [label: string, ...names: string[]][] = [
  ['Chroma', 'distilled_guidance_layer.0.norms.0.scale', 'distilled_guidance_layer.norms.0.scale'],
  ['Hunyuan Video', 'txt_in.individual_token_refiner.blocks.0.norm1.weight'],
  ['Flux', 'double_blocks.0.img_attn.norm.key_norm.scale', 'single_transformer_blocks.0.attn.norm_q.weight'],
  // Flux in diffusers' names has these blocks, too.
  ['SD 3', 'joint_blocks.0.context_block.attn.qkv.weight', 'transformer_blocks.0.ff_context.net.0.proj.weight'],
  ['Stable Cascade', 'clf.1.weight'],
  ['Stable Audio', 'transformer.rotary_pos_emb.inv_freq'],
  ['AuraFlow', 'double_layers.0.attn.w1q.weight'],
  ['Hunyuan DiT', 'mlp_t5.0.weight'],
  ['Mochi (video)', 't5_yproj.weight'],
  ['PixArt', 't_block.1.weight', 'adaln_single.emb.resolution_embedder.linear_1.bias'],
  ['LTX Video', 'adaln_single.emb.timestep_embedder.linear_1.bias'],
  ['ACE-Step (audio)', 'genre_embedder.weight'],
  ['Cosmos (video)', 'blocks.block0.blocks.0.block.attn.to_q.0.weight', 'blocks.0.mlp.layer1.weight'],
  ['Lumina 2 or Z-Image', 'cap_embedder.1.weight'],
  ['Wan (video)', 'head.modulation'],
  ['Hunyuan 3D', 'latent_in.weight', 't_embedder.mlp.2.weight'],
  ['HiDream', 'caption_projection.0.linear.weight'],
  ['OmniGen 2', 'time_caption_embed.timestep_embedder.linear_1.bias'],
  ['Qwen Image', 'txt_norm.weight'],
];

// prettier-ignore
const OTHERS: readonly Foreign[] = [
  {
    kind: 'controlnet',
    label: 'ControlNet',
    names: [
      'control_model.input_hint_block.0.weight',
      'input_hint_block.0.weight',
      'controlnet_cond_embedding.conv_in.weight',
      'lora_controlnet',
      'control_model.zero_convs.0.0.weight',
    ],
  },
  {
    kind: 'controlnet',
    label: 'T2I-Adapter',
    names: ['adapter.body.0.resnets.0.block1.weight', 'body.0.in_conv.weight', 'adapter.conv_in.weight'],
  },
  {
    kind: 'unknown',
    label: 'IP-Adapter',
    names: ['ip_adapter.1.to_k_ip.weight', 'ip_adapter.0.to_k_ip.weight', 'image_proj.proj.weight'],
  },
  {
    kind: 'unknown',
    label: 'AnimateDiff motion module',
    names: ['down_blocks.0.motion_modules.0.temporal_transformer.norm.weight'],
  },
  { kind: 'text_encoders', label: 'T5 text encoder', names: ['encoder.block.0.layer.0.SelfAttention.k.weight'] },
  { kind: 'text_encoders', label: 'a language model', names: ['model.layers.0.self_attn.k_proj.weight'] },
  {
    kind: 'vae',
    label: 'TAESD, a small VAE for previews',
    names: ['taesd_decoder.1.weight', 'decoder.layers.0.weight'],
  },
  {
    kind: 'vae',
    label: 'a VAE of a video model',
    names: [
      'decoder.mid.block_1.mix_factor',
      'decoder.up_blocks.0.res_blocks.0.conv1.conv.weight',
      'decoder.middle.0.residual.0.gamma',
    ],
  },
  { kind: 'vae', label: 'a VAE of an audio model', names: ['decoder.layers.1.layers.0.beta'] },
  {
    kind: 'upscale_models',
    label: 'an upscaler',
    names: [
      'model.0.weight',
      'body.0.rdb1.conv1.weight',
      'conv_first.weight',
      'layers.0.residual_group.blocks.0.norm1.weight',
      'RRDB_trunk.0.RDB1.conv1.weight',
    ],
  },
  {
    kind: 'clip_vision',
    label: 'SigLIP or another picture tower that is not CLIP',
    names: ['vision_model.head.probe', 'vision_model.embeddings.patch_embedding.bias'],
  },
  {
    kind: 'embeddings',
    label: 'an embedding (textual inversion)',
    names: ['emb_params', 'clip_l', 'clip_g', 'string_to_param.*', '<concept>'],
  },
];

/** Channels of the latent of the VAEs that go with SD 3, Flux and others. */
const WIDE_LATENT = 16;

/** What a file of another kind is; undefined for those that may be usable. */
export function foreignLabel(weights: Weights, parts: readonly Part[]): Omit<Foreign, 'names'> | undefined {
  const { names } = weights;
  const hasUnet = parts.some(({ part }) => part === 'unet');
  const hasAny = (prefixes: readonly string[], wanted: readonly string[]) =>
    wanted.some((name) => prefixes.some((prefix) => names.has(prefix + name)));
  const diffusion = hasUnet ? undefined : DIFFUSION.find(([, ...wanted]) => hasAny(DIFFUSION_PREFIXES, wanted));
  if (diffusion) {
    const whole = [...names].some((name) => /^(text_encoders|vae|first_stage_model)\./.test(name));
    return { kind: whole ? 'checkpoints' : 'diffusion_models', label: diffusion[0] };
  }
  const other = hasUnet ? undefined : OTHERS.find((entry) => hasAny([''], entry.names));
  if (other) return { kind: other.kind, label: other.label };
  return hasUnet ? undefined : foreignVae(weights, parts);
}

function foreignVae({ dims }: Weights, parts: readonly Part[]): Omit<Foreign, 'names'> | undefined {
  const vae = parts.find(({ part }) => part === 'vae_decoder');
  const shape = vae && dims(`${vae.prefix}decoder.conv_in.weight`);
  if (shape?.length === 5) return { kind: 'vae', label: 'a VAE of a video model' };
  if (!shape || shape[1] < WIDE_LATENT) return undefined;
  return { kind: 'vae', label: `a VAE of ${shape[1]} channels, as SD 3 and Flux have` };
}
