// A checkpoint in one .safetensors file → its parts. The file has no scheduler, no tokenizer and no configuration: these follow from its kind.
import { dirname } from 'node:path';
import { type DiffusionBase, type ModelKind, modelKindOf } from '../architectures/model-kind.ts';
import { bundledClipTokenizer } from '../clip/clip-tokenizer.ts';
import { InputError } from '../errors.ts';
import { openWeights, type Weights } from '../safetensors/weights.ts';
import { type CheckpointParts, type EncoderPart, missingPart, type VaeParts } from './checkpoint-parts.ts';
import { LAST, type LayerChoice, PENULTIMATE, PENULTIMATE_NORMED } from './hidden-layer.ts';
import { stableDiffusionLevels } from './model-sampling.ts';
import type { PredictionType } from './noise-levels.ts';
import { type PartConfigs, type TextPart, textPart, unetPart, vaeParts } from './weight-parts.ts';

/** Throws MODEL_NOT_FOUND, MODEL_INVALID, or MODEL_UNSUPPORTED: what the file is, and where such files are used. */
export function partsOfFile(path: string, prediction?: PredictionType): CheckpointParts {
  const weights = openWeights(path);
  const kind = modelKindOf(weights);
  const unet = kind.parts.find(({ part }) => part === 'unet');
  if (!kind.supported || !kind.base || !unet) throw notACheckpoint(path, kind);
  const configs = configsIn(weights);
  const isXl = kind.base === 'sdxl' || kind.base === 'sdxl_refiner';
  const source = unetPart(weights, unet, configs.unet);
  return {
    dir: dirname(path),
    textEncoders: encodersIn(weights, kind, configs),
    unet: source,
    vae: vaeParts(weights, { json: configs.vae, isXl }) ?? noVae(path, isXl),
    levels: fileLevels(path, kind, prediction),
  };
}

/** The noise levels of a U-Net in a file of its own, or of a checkpoint. */
export const fileLevels = (path: string, kind: ModelKind, prediction?: PredictionType) =>
  stableDiffusionLevels(
    {
      prediction: prediction ?? kind.prediction ?? 'epsilon',
      zeroTerminalSnr: kind.zeroTerminalSnr ?? false,
    },
    path,
  );

/**
 * Models of unusual sizes can bring their configuration: `__metadata__` → `config`, the JSON of an object with the config.json of each part
 * (unet, vae, text_encoder, text_encoder_2), as diffusers writes them.
 */
export function configsIn({ metadata }: Weights): PartConfigs {
  let configs: unknown;
  try {
    configs = JSON.parse(metadata.get('config') ?? '{}');
  } catch {
    return {}; // a "config" of somebody else's
  }
  const parts = Object.entries(configs ?? {}).filter(([, part]) => typeof part === 'object' && part !== null);
  return Object.fromEntries(parts) as PartConfigs;
}

/** Files in ComfyUI's folder → the node that takes them. */
const NODES: Partial<Record<ModelKind['kind'], string>> = {
  vae: 'load it with VAELoader',
  loras: 'put it between a checkpoint and the sampler with LoraLoader',
  text_encoders: 'load it with CLIPLoader',
  clip_vision: 'it serves PEZ as a CLIP',
};

function notACheckpoint(path: string, { kind, label, supported }: ModelKind): InputError {
  const advice = supported && NODES[kind] ? NODES[kind] : 'Stable Diffusion 1, 2, XL and LCM can be used';
  return new InputError('MODEL_UNSUPPORTED', `${path} cannot be used as a checkpoint. It is: ${label}; ${advice}.`);
}

/** Which layer each kind was trained on. */
const LAYERS: Readonly<Record<DiffusionBase, LayerChoice>> = {
  sd1: LAST,
  sd2: PENULTIMATE_NORMED,
  sdxl: PENULTIMATE,
  sdxl_refiner: PENULTIMATE,
};

function encodersIn(weights: Weights, kind: ModelKind, configs: PartConfigs): EncoderPart[] {
  const found = kind.parts.filter(({ part }) => part === 'text_encoder');
  if (found.length === 0) return [noEncoder(weights.source, kind.base!)];
  const named = found.map((part, i) => textPart(weights, part, namedConfig(i, configs)));
  return encoderParts(named, kind.base!);
}

const namedConfig = (i: number, configs: PartConfigs) =>
  i === 0
    ? { name: 'text_encoder', config: configs.text_encoder }
    : { name: 'text_encoder_2', config: configs.text_encoder_2 };

/** Text towers as a model of that kind uses them: which layer, and how the tokenizer fills its windows. */
export function encoderParts(towers: readonly TextPart[], base: DiffusionBase): EncoderPart[] {
  return towers.map((tower, i) => {
    const byOpenClip = base === 'sd2' || base === 'sdxl_refiner' || i > 0;
    return {
      source: tower.graph,
      tokenizer: () => bundledClipTokenizer(undefined, byOpenClip ? '!' : undefined),
      layer: { ...LAYERS[base], leftOut: base === 'sd2' ? leftOut(tower) : 0 },
    };
  });
}

/** ViT-H/14 has 24 layers, of which Stable Diffusion 2 reads 23; diffusers therefore saves 23. */
const leftOut = ({ width, layers }: TextPart): number => (width === 1024 && layers === 23 ? 1 : 0);

const noEncoder = (path: string, base: DiffusionBase): EncoderPart => ({
  source: missingPart(
    path,
    `holds no text encoder: load one with ${base === 'sdxl' ? 'DualCLIPLoader' : 'CLIPLoader'}, from models/text_encoders`,
  ),
  tokenizer: () => bundledClipTokenizer(),
  layer: LAYERS[base],
});

function noVae(path: string, isXl: boolean): VaeParts {
  const missing = missingPart(path, 'has no VAE baked in: load one with VAELoader, from models/vae');
  return {
    decoder: missing,
    encoder: missing,
    config: { scalingFactor: isXl ? 0.13025 : 0.18215, shiftFactor: 0, scale: 8, channels: 4 },
  };
}
