// A file of low-rank changes → whose names it has, what it was made for, and whether it is of the plain kind.
import type { Weights } from '../safetensors/weights.ts';
import type { DiffusionBase, ModelKind } from './model-kind.ts';

/** Endings that only such files have, the special kinds first. */
const KINDS: readonly [label: string, ending: RegExp][] = [
  ['DoRA', /\.(dora_scale|lora_magnitude_vector(\.weight)?)$/],
  ['LoHa', /\.hada_w1_a$/],
  ['LoKr', /\.lokr_w[12](_a)?$/],
  ['OFT', /\.oft_(blocks|diag)$/],
  ['GLoRA', /\.a1\.weight$/],
  ['LoCon', /\.lora_mid\.weight$/],
];

const DOWN = /[._](lora_down|lora_A|lora\.down|lora_linear_layer\.down|down)(\.default)?(\.weight)?$/;
const ANY =
  /[._](lora_(down|up|A|B|magnitude_vector)|lora\.(down|up)|lora_linear_layer\.(down|up))(\.default)?(\.weight)?$/;

/** What it is; undefined if the file holds no low-rank changes. */
export function loraKind(weights: Weights): Pick<ModelKind, 'label' | 'supported' | 'base'> | undefined {
  const names = [...weights.names];
  const special = KINDS.find(([, ending]) => names.some((name) => ending.test(name)))?.[0];
  if (!special && !names.some((name) => ANY.test(name))) return;
  // A ControlNet of low rank is no LoRA.
  if (weights.names.has('lora_controlnet')) return;
  const style = names.some((name) => name.startsWith('lora_')) ? 'kohya' : 'diffusers';
  const foreign = foreignBase(names);
  const base = foreign ? undefined : baseOf(weights, names);
  const label = foreign ?? (base && LABELS[base]) ?? 'unknown base';
  return { label: `${special ?? 'LoRA'} (${style}, ${label})`, supported: !special && !foreign, base };
}

const LABELS: Readonly<Record<DiffusionBase, string>> = {
  sd1: 'SD 1.x',
  sd2: 'SD 2.x',
  sdxl: 'SD XL',
  sdxl_refiner: 'SD XL refiner',
};

function foreignBase(names: readonly string[]): string | undefined {
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name));
  if (has(/double_blocks[._]\d|single_transformer_blocks[._]\d/)) return 'Flux';
  if (has(/joint_blocks[._]\d|^transformer\.transformer_blocks\./)) return 'SD 3';
  if (has(/^(diffusion_model\.)?blocks[._]\d+[._](self_attn|cross_attn)[._]|^lora_unet_blocks_\d/))
    return 'Wan (video)';
  return;
}

/** Width of the hidden states that its U-Net attends to → base. */
const CONTEXTS: Readonly<Record<number, DiffusionBase>> = {
  768: 'sd1',
  1024: 'sd2',
  2048: 'sdxl',
  1280: 'sdxl_refiner',
};

/** By the shape of a cross-attention, by the names of two text encoders, or by what the trainer wrote. */
function baseOf(weights: Weights, names: readonly string[]): DiffusionBase | undefined {
  const cross = names.find((name) => /attn2[._](processor[._])?to_k/.test(name) && DOWN.test(name));
  const context = cross === undefined ? undefined : weights.dims(cross)?.[1];
  if (context !== undefined && CONTEXTS[context]) return CONTEXTS[context];
  if (names.some((name) => /^(lora_te2_|text_encoder_2\.)/.test(name))) return 'sdxl';
  const said = weights.metadata.get('ss_base_model_version') ?? weights.metadata.get('modelspec.architecture') ?? '';
  if (/sdxl|stable-diffusion-xl/.test(said)) return 'sdxl';
  if (/^sd_v?2|stable-diffusion-v2/.test(said)) return 'sd2';
  return /^sd_(v?1|1)|stable-diffusion-v1/.test(said) ? 'sd1' : undefined;
}
