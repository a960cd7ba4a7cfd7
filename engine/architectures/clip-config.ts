// What the tensors of a CLIP do not say (heads, activation, end of text): from transformers' config.json or OpenCLIP's open_clip_config.json, or,
// where a file comes without, from its layout.
import { InputError } from '../errors.ts';
import type { ClipActivation, ClipEncoderConfig } from './clip-encoder.ts';
import type { ClipTextConfig } from './clip-text.ts';
import type { Parameters } from './layers.ts';
import type { FoundClip } from './layouts/clip.ts';

/** A tower's part of transformers' config.json: `text_config`, `vision_config`, or the whole file of a tower that was saved alone. */
export interface TransformersTowerConfig {
  readonly num_attention_heads?: number;
  readonly hidden_act?: string;
  readonly layer_norm_eps?: number;
  readonly eos_token_id?: number;
}

/** What transformers takes where config.json leaves a value out. */
const TRANSFORMERS = { textHeads: 8, visionHeads: 12, activation: 'quick_gelu', epsilon: 1e-5, endId: 49_407 };
/** Older files say 2, which is no end of text in CLIP's vocabulary: transformers then reads at the largest id. */
const LEGACY_END_ID = 2;

/** Throws MODEL_UNSUPPORTED, with `source` for its name. */
export function transformersTextConfig(config: TransformersTowerConfig, source: string): ClipTextConfig {
  const endId = config.eos_token_id ?? TRANSFORMERS.endId;
  return {
    ...transformersEncoder(config, { heads: TRANSFORMERS.textHeads, source }),
    ...(endId !== LEGACY_END_ID && { endId }),
  };
}

/** Throws MODEL_UNSUPPORTED, with `source` for its name. */
export const transformersVisionConfig = (config: TransformersTowerConfig, source: string): ClipEncoderConfig =>
  transformersEncoder(config, { heads: TRANSFORMERS.visionHeads, source });

function transformersEncoder(
  config: TransformersTowerConfig,
  { heads, source }: { heads: number; source: string },
): ClipEncoderConfig {
  return {
    heads: config.num_attention_heads ?? heads,
    activation: activationOf(config.hidden_act ?? TRANSFORMERS.activation, source),
    epsilon: config.layer_norm_eps ?? TRANSFORMERS.epsilon,
  };
}

function activationOf(name: string, source: string): ClipActivation {
  if (name === 'quick_gelu' || name === 'gelu') return name;
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `${source} asks for the activation "${String(name).slice(0, 40)}"; CLIPs with "quick_gelu" or "gelu" can be used.`,
  );
}

/** `model_cfg` of open_clip_config.json. */
export interface OpenClipConfig {
  readonly quick_gelu?: boolean;
  readonly vision_cfg?: { readonly width?: number; readonly head_width?: number } & Readonly<Record<string, unknown>>;
  readonly text_cfg?: { readonly heads?: number } & Readonly<Record<string, unknown>>;
}

/** What OpenCLIP takes where the file leaves a value out. */
const OPEN_CLIP = { textHeads: 8, headWidth: 64, visionWidth: 768, epsilon: 1e-5 };

/** Settings that change what a tower computes, with the values that leave it as it is here. */
const PLAIN: Readonly<Record<'text_cfg' | 'vision_cfg', Readonly<Record<string, unknown>>>> = {
  text_cfg: {
    hf_model_name: undefined,
    no_causal_mask: false,
    embed_cls: false,
    pool_type: 'argmax',
    proj_type: 'linear',
  },
  vision_cfg: {
    timm_model_name: undefined,
    attentional_pool: false,
    global_average_pool: false,
    input_patchnorm: false,
    no_ln_pre: false,
    pos_embed_type: 'learnable',
    pool_type: 'tok',
    final_ln_after_pool: false,
  },
};

/** Throws MODEL_UNSUPPORTED, with `source` for its name, for a tower that is not CLIP's original one. */
export function openClipTextConfig(config: OpenClipConfig, source: string): ClipTextConfig {
  checkPlain(config, 'text_cfg', source);
  return { ...openClipEncoder(config), heads: config.text_cfg?.heads ?? OPEN_CLIP.textHeads };
}

/** Throws MODEL_UNSUPPORTED, with `source` for its name, for a tower that is not CLIP's original one. */
export function openClipVisionConfig(config: OpenClipConfig, source: string): ClipEncoderConfig {
  checkPlain(config, 'vision_cfg', source);
  const { width = OPEN_CLIP.visionWidth, head_width: size = OPEN_CLIP.headWidth } = config.vision_cfg ?? {};
  return { ...openClipEncoder(config), heads: Math.floor(width / size) };
}

const openClipEncoder = ({ quick_gelu: quick }: OpenClipConfig) => ({
  activation: quick ? ('quick_gelu' as const) : ('gelu' as const),
  epsilon: OPEN_CLIP.epsilon,
});

function checkPlain(config: OpenClipConfig, part: 'text_cfg' | 'vision_cfg', source: string): void {
  for (const [name, plain] of Object.entries(PLAIN[part])) {
    const value = config[part]?.[name] ?? plain;
    if (value !== plain)
      throw new InputError(
        'MODEL_UNSUPPORTED',
        `${source} has ${part}.${name} = ${JSON.stringify(value)}, a tower that is not built here; CLIP's own text transformer and ViT are.`,
      );
  }
}

/** All text towers of OpenAI's and OpenCLIP's have heads of this size. */
const TEXT_HEAD_SIZE = 64;
const EPSILON = 1e-5;

/** A text tower's facts where no configuration says them. */
export function bareTextConfig({ parameters, ...found }: FoundClip): ClipTextConfig {
  const width = widthOf(parameters, 'text_model.embeddings.token_embedding.weight', 1);
  return {
    heads: Math.floor(width / TEXT_HEAD_SIZE),
    activation: bareActivation(found, width < 1024),
    epsilon: EPSILON,
  };
}

/** Width of a picture tower → its heads: B/32 and B/16, L/14, H/14, g/14, bigG/14. */
const VISION_HEADS: ReadonlyMap<number, number> = new Map([
  [768, 12],
  [1024, 16],
  [1280, 16],
  [1408, 16],
  [1664, 16],
]);

/** A picture tower's facts where no configuration says them. Throws MODEL_UNSUPPORTED for a width that is not in the table. */
export function bareVisionConfig({ parameters, ...found }: FoundClip): ClipEncoderConfig {
  const width = widthOf(parameters, 'vision_model.embeddings.patch_embedding.weight', 0);
  const heads = VISION_HEADS.get(width);
  if (heads) return { heads, activation: bareActivation(found, width < 1280), epsilon: EPSILON };
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `${parameters.source} holds a picture tower of width ${width}, and nothing says how many heads it has: put its config.json or open_clip_config.json beside it. Without one, the widths ${[...VISION_HEADS.keys()].join(', ')} can be used.`,
  );
}

const widthOf = (parameters: Parameters, name: string, axis: number): number => parameters.find(name)?.dims[axis] ?? 0;

/**
 * OpenAI trained with quick-GELU, OpenCLIP with GELU. Files under OpenAI's own names carry its three counts; of those under transformers' names,
 * the small ones descend from OpenAI's weights and the others (which OpenAI did not train) from OpenCLIP's.
 */
const bareActivation = ({ layout, byOpenAi }: Omit<FoundClip, 'parameters'>, small: boolean): ClipActivation =>
  byOpenAi || (layout === 'transformers' && small) ? 'quick_gelu' : 'gelu';
