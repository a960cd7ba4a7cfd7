// What the tensors of a CLIP do not say (heads, activation, end of text), from its configuration or, where a file comes without, from its layout.
import { InputError } from '../errors.ts';
import type { ClipActivation } from './clip-encoder.ts';
import type { ClipTextConfig } from './clip-text.ts';
import type { Parameters } from './layers.ts';
import type { ClipLayoutName } from './layouts/clip.ts';

/** config.json of transformers: a tower's own, or what stands in `text_config` or `vision_config` of both. */
export interface TransformersTowerConfig {
  readonly num_attention_heads?: number;
  readonly hidden_act?: string;
  readonly layer_norm_eps?: number;
  readonly eos_token_id?: number;
}

/** What transformers takes where config.json leaves a value out. */
const EPSILON = 1e-5;
const DEFAULT_TEXT_HEADS = 8;
const DEFAULT_END_ID = 49_407;
/** In older files the end of text is 2, which no vocabulary of CLIP has there: transformers then reads at the largest id. */
const LEGACY_END_ID = 2;
/** All text towers of OpenAI and OpenCLIP have heads of this size. */
const TEXT_HEAD_SIZE = 64;

/** A text tower's facts from transformers' config.json. `source` is for messages. Throws MODEL_UNSUPPORTED. */
export function transformersTextConfig(config: TransformersTowerConfig, source: string): ClipTextConfig {
  const endId = config.eos_token_id ?? DEFAULT_END_ID;
  return {
    heads: config.num_attention_heads ?? DEFAULT_TEXT_HEADS,
    activation: activationOf(config.hidden_act ?? 'quick_gelu', source),
    epsilon: config.layer_norm_eps ?? EPSILON,
    ...(endId !== LEGACY_END_ID && { endId }),
  };
}

export function activationOf(name: string, source: string): ClipActivation {
  if (name === 'quick_gelu' || name === 'gelu') return name;
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `${source} has the activation "${String(name).slice(0, 40)}"; CLIPs with quick_gelu or gelu can be used.`,
  );
}

/**
 * A text tower's facts where no configuration says them: heads of 64 numbers, as in all of OpenAI's and OpenCLIP's. Files with transformers' names
 * descend from OpenAI's weights, which were trained with quick-GELU, except for those of 1,024 and more, which are OpenCLIP's, trained with GELU.
 */
export function textConfigOfLayout(layout: ClipLayoutName, parameters: Parameters): ClipTextConfig {
  const width = parameters.find('text_model.embeddings.token_embedding.weight')?.dims[1] ?? 0;
  const trainedByOpenAi = layout === 'transformers' && width < 1024;
  return {
    heads: Math.floor(width / TEXT_HEAD_SIZE),
    activation: trainedByOpenAi ? 'quick_gelu' : 'gelu',
    epsilon: EPSILON,
  };
}
