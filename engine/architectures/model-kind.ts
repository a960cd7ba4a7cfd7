// A .safetensors file → what it is, as a drop-down or an error says it: from its header alone (and, for SD 2, one bias of 320 numbers).
import { toNumbers } from '../onnx/tensor.ts';
import { openWeights, readWeight, type Weights } from '../safetensors/weights.ts';
import { foreignLabel } from './foreign-models.ts';
import { findParts, type Part } from './layouts/find-parts.ts';
import { textEncoderLabel, visionEncoderLabel } from './layouts/tower-labels.ts';
import { loraKind } from './lora-kind.ts';
import { distilledName, type UnetFacts, unetFacts } from './unet-facts.ts';

export interface ModelKind {
  /** The sub-folder of ComfyUI's models that such a file belongs in; 'unknown' if nothing here knows it. */
  readonly kind: ModelFolder;
  /** For people: "SD 1.5", "SD XL without VAE", "LoRA (kohya, SD XL)", "Flux". */
  readonly label: string;
  /** Whether this program can use it. */
  readonly supported: boolean;
  /** What it is made of; empty for anything but checkpoints and their parts. */
  readonly parts: readonly Part[];
  /** What a U-Net, or a LoRA for one, was made from; undefined where nothing tells. */
  readonly base?: DiffusionBase;
  /** What a U-Net's output means. */
  readonly prediction?: 'epsilon' | 'v_prediction';
  /** Whether its noise levels end at pure noise (Lin et al. 2023). */
  readonly zeroTerminalSnr?: boolean;
}

export type ModelFolder =
  | 'checkpoints'
  | 'diffusion_models'
  | 'vae'
  | 'text_encoders'
  | 'clip_vision'
  | 'loras'
  | 'controlnet'
  | 'embeddings'
  | 'upscale_models'
  | 'unknown';

export type DiffusionBase = 'sd1' | 'sd2' | 'sdxl' | 'sdxl_refiner';

export const BASE_LABELS: Readonly<Record<DiffusionBase, string>> = {
  sd1: 'SD 1.5',
  sd2: 'SD 2.x',
  sdxl: 'SD XL',
  sdxl_refiner: 'SD XL refiner',
};

/** What a file is, by its names and shapes. Throws MODEL_NOT_FOUND, MODEL_INVALID (a damaged file) or MODEL_UNSUPPORTED (a pickle). */
export function modelKindOf(file: string | Weights): ModelKind {
  const weights = typeof file === 'string' ? openWeights(file) : file;
  const parts = findParts(weights);
  const lora = loraKind(weights);
  if (lora) return { kind: 'loras', parts: [], ...lora };
  const foreign = foreignLabel(weights, parts);
  if (foreign) return { ...foreign, supported: false, parts: [] };
  const unet = parts.find(({ part }) => part === 'unet');
  if (unet) return diffusionKind(weights, unet, parts);
  return partKind(weights, parts) ?? unknown(weights);
}

function diffusionKind(weights: Weights, unet: Part, parts: readonly Part[]): ModelKind {
  const facts = unetFacts(weights, unet);
  const has = (part: Part['part']) => parts.some((p) => p.part === part);
  const kind = has('text_encoder') || has('vae_decoder') ? 'checkpoints' : 'diffusion_models';
  const refused = refusedUnet(weights, facts);
  if (refused) return { kind, label: refused, supported: false, parts };
  const base = baseOf(facts);
  const prediction = predictionOf(weights, unet, base);
  const missing = [has('text_encoder') ? [] : 'text encoder', has('vae_decoder') ? [] : 'VAE'].flat();
  const without = kind === 'checkpoints' && missing.length ? ` without ${missing.join(' and ')}` : '';
  const name = distilledName(facts) ?? BASE_LABELS[base];
  const lcm = facts.guidanceEmbedding ? ' LCM' : '';
  const v = prediction === 'v_prediction' ? ' (v)' : '';
  const part = kind === 'diffusion_models' ? ', U-Net only' : '';
  return {
    kind,
    label: `${name}${lcm}${v}${without}${part}`,
    // Its noise levels would do, but it was trained to go on where XL's own model stops, on other conditions.
    supported: base !== 'sdxl_refiner',
    parts,
    base,
    prediction,
    zeroTerminalSnr: weights.names.has('ztsnr'),
  };
}

/** Channels of the latent, and of what else goes in beside it. */
const INPUTS: Readonly<Record<number, string>> = {
  5: 'a depth model',
  7: 'an upscaling diffusion model',
  8: 'an editing model (InstructPix2Pix)',
  9: 'an inpainting model',
};

/** What stands beside weights that are not what they look like: their scales. */
const QUANTISED = /(^|\.)(scaled_fp8|scale_weight|absmax|quant_map)$/;
const isQuantised = (names: Iterable<string>): boolean => [...names].some((name) => QUANTISED.test(name));

/** U-Nets of another kind: what they are; undefined for those that can be used. */
function refusedUnet({ names }: Weights, facts: UnetFacts): string | undefined {
  if (isQuantised(names)) return 'a quantised model (scaled FP8 or NF4)';
  if (facts.video) return 'a video model (Stable Video Diffusion)';
  if (names.has('edm_mean') && names.has('edm_std')) return 'Playground 2.5 (EDM)';
  if (names.has('edm_vpred.sigma_max')) return 'CosXL (EDM)';
  if (facts.context === 1024 && facts.classWidth !== undefined) return 'SD 2.x unCLIP';
  if (facts.inChannels === 4) return;
  return INPUTS[facts.inChannels] ?? `a U-Net of ${facts.inChannels} input channels`;
}

/** By structure: XL takes sizes and a pooled embedding, SD 2 projects with matrices where SD 1 has 1×1 convolutions. */
function baseOf({ classWidth, channels, linear }: UnetFacts): DiffusionBase {
  if (classWidth !== undefined) return channels === 384 ? 'sdxl_refiner' : 'sdxl';
  return linear ? 'sd2' : 'sd1';
}

/**
 * The author's word first; then the mark that trainers leave ("v_pred"); for SD 2, whose files tell nothing, ComfyUI's observation: in
 * v-models, one bias of the last attention block has a standard deviation above 0.09.
 */
function predictionOf(weights: Weights, unet: Part, base: DiffusionBase): ModelKind['prediction'] {
  const said = weights.metadata.get('modelspec.prediction_type');
  if (said === 'v' || said === 'v_prediction') return 'v_prediction';
  if (said === 'epsilon' || said === 'eps') return 'epsilon';
  if (weights.names.has('v_pred')) return 'v_prediction';
  return base === 'sd2' && lastBiasDeviates(weights, unet) ? 'v_prediction' : 'epsilon';
}

const LAST_BIAS = {
  original: 'output_blocks.11.1.transformer_blocks.0.norm1.bias',
  diffusers: 'up_blocks.3.attentions.2.transformer_blocks.0.norm1.bias',
};

function lastBiasDeviates(weights: Weights, { layout, prefix }: Part): boolean {
  const name = prefix + LAST_BIAS[layout === 'original' ? layout : 'diffusers'];
  const count = weights.dims(name)?.[0] ?? 0;
  if (count === 0 || count > 4096) return false;
  const values = toNumbers(readWeight(weights.get(name)!));
  const mean = values.reduce((a, b) => a + b) / count;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / count) > 0.09;
}

/** A file of one part. */
function partKind(weights: Weights, parts: readonly Part[]): ModelKind | undefined {
  const find = (part: Part['part']) => parts.find((p) => p.part === part);
  const [text, vision] = [find('text_encoder'), find('vision_encoder')];
  const supported = !isQuantised(weights.names);
  const how = supported ? '' : ', quantised';
  if (vision) {
    const label = `${visionEncoderLabel(weights, vision)}${text ? '' : ' vision'}${how}`;
    return { kind: 'clip_vision', label, supported, parts };
  }
  if (text) return { kind: 'text_encoders', label: `${textEncoderLabel(weights, text)} text${how}`, supported, parts };
  if (!find('vae_decoder') && !find('vae_encoder')) return;
  const missing = find('vae_decoder') ? (find('vae_encoder') ? '' : ' without encoder') : ' without decoder';
  return { kind: 'vae', label: `VAE${missing}`, supported: true, parts };
}

const unknown = ({ names }: Weights): ModelKind => {
  const first = [...names].slice(0, 3).join(', ');
  return { kind: 'unknown', label: `unknown (${first || 'no tensors'})`, supported: false, parts: [] };
};
