// Weights and where a part stands among them → the part, whose graph is built when it is first used.
import { bareTextConfig, type TransformersTowerConfig, transformersTextConfig } from '../architectures/clip-config.ts';
import { buildClipText } from '../architectures/clip-text.ts';
import type { Parameters } from '../architectures/layers.ts';
import { clipIn } from '../architectures/layouts/clip.ts';
import { diffusionParameters } from '../architectures/layouts/diffusion-parameters.ts';
import { findParts, type Part } from '../architectures/layouts/find-parts.ts';
import type { PartGraph } from '../architectures/part-graph.ts';
import { buildUnet } from '../architectures/unet.ts';
import { type UnetHints, unetConfigOf } from '../architectures/unet-config.ts';
import { buildVaeDecoder, buildVaeEncoder } from '../architectures/vae.ts';
import { InputError } from '../errors.ts';
import type { Weights } from '../safetensors/weights.ts';
import { missingPart, type VaeParts } from './checkpoint-parts.ts';
import { checkVaeConfig, type VaeConfig, type VaeJson } from './layout.ts';

/** The config.json of each part, in the words of diffusers and transformers: what the tensors do not tell. */
export interface PartConfigs {
  readonly unet?: UnetHints;
  readonly vae?: VaeJson & { readonly norm_num_groups?: number };
  readonly text_encoder?: TransformersTowerConfig;
  readonly text_encoder_2?: TransformersTowerConfig;
}

/** Throws MODEL_UNSUPPORTED or MODEL_INVALID if what the header tells is not a U-Net that can be built. */
export function unetPart(weights: Weights, part: Part, hints?: UnetHints): PartGraph & { readonly channels: number } {
  const parameters = diffusionParameters(weights, part);
  const config = unetConfigOf(parameters, hints);
  return {
    name: 'unet',
    parameters,
    channels: config.inChannels,
    build: (changed, device) => buildUnet({ config, parameters: changed, device }),
  };
}

/** A text tower and how wide and deep it is. Throws MODEL_UNSUPPORTED. */
export function textPart(weights: Weights, { prefix }: Part, { name, config }: TextPartOptions): TextPart {
  const found = clipIn(weights, prefix);
  if (!found?.text) throw new InputError('MODEL_INVALID', `${weights.source} holds no CLIP text encoder.`);
  const { parameters } = found;
  const facts = config ? transformersTextConfig(config, weights.source) : bareTextConfig(found);
  return {
    width: parameters.find('text_model.embeddings.token_embedding.weight')?.dims[1] ?? 0,
    layers: countLayers(parameters),
    graph: {
      name,
      parameters,
      build: (changed) => buildClipText({ config: facts, parameters: changed, hiddenStates: true }),
    },
  };
}

export interface TextPartOptions {
  /** Of the graph's file: text_encoder or text_encoder_2. */
  readonly name: string;
  readonly config?: TransformersTowerConfig;
}

export interface TextPart {
  readonly graph: PartGraph;
  readonly width: number;
  readonly layers: number;
}

function countLayers({ find }: Parameters): number {
  let count = 0;
  while (find(`text_model.encoder.layers.${count}.layer_norm1.weight`)) count++;
  return count;
}

export interface VaePartsOptions {
  readonly json?: PartConfigs['vae'];
  /** Of SD XL: its latents are scaled by another number. */
  readonly isXl: boolean;
}

/** The autoencoder among the weights; undefined if there is none. */
export function vaeParts(weights: Weights, { json = {}, isXl }: VaePartsOptions): VaeParts | undefined {
  const parts = findParts(weights);
  const [decoder, encoder] = (['vae_decoder', 'vae_encoder'] as const).map((name) =>
    parts.find((p) => p.part === name),
  );
  const one = decoder ?? encoder;
  if (!one) return;
  const parameters = diffusionParameters(weights, one);
  const groups = typeof json.norm_num_groups === 'number' ? json.norm_num_groups : undefined;
  const sentence = (side: string, to: string) => `holds no VAE ${side}: it cannot turn ${to}; use another VAE for that`;
  return {
    decoder: decoder
      ? {
          name: 'vae_decoder',
          parameters,
          build: (changed, device) => buildVaeDecoder({ parameters: changed, groups, device }),
        }
      : missingPart(weights.source, sentence('decoder', 'latents into pictures')),
    encoder: encoder
      ? {
          name: 'vae_encoder',
          parameters,
          build: (changed, device) => buildVaeEncoder({ parameters: changed, groups, device }),
        }
      : missingPart(weights.source, sentence('encoder', 'pictures into latents')),
    config: vaeConfig(parameters, json, isXl),
  };
}

/** Channels and scale are read off the tensors. */
function vaeConfig({ find, source }: Parameters, json: VaeJson, isXl: boolean): VaeConfig {
  const levels = [...Array(8).keys()];
  const doublings = levels.filter((i) => find(`decoder.up_blocks.${i}.upsamplers.0.conv.weight`)).length;
  const halvings = levels.filter((i) => find(`encoder.down_blocks.${i}.downsamplers.0.conv.weight`)).length;
  const start = find('post_quant_conv.weight') ?? find('decoder.conv_in.weight');
  const end = find('encoder.conv_out.weight');
  return checkVaeConfig(
    {
      scalingFactor: json.scaling_factor ?? (isXl ? 0.13025 : 0.18215),
      shiftFactor: json.shift_factor ?? 0,
      scale: 2 ** Math.max(doublings, halvings),
      channels: start?.dims[1] ?? (end?.dims[0] ?? 8) / 2,
    },
    source,
  );
}
