// A CLIP as OpenCLIP and OpenAI save it → its parameters by their canonical names, which are those of transformers.
import type { Weight, Weights } from '../../safetensors/weights.ts';
import { type Parameters, part } from '../layers.ts';

/** Canonical name → OpenCLIP's; `$1` and `$2` are what stands in parentheses. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^text_model\.embeddings\.token_embedding\.weight$/, 'token_embedding.weight'],
  [/^text_model\.embeddings\.position_embedding\.weight$/, 'positional_embedding'],
  [/^text_model\.final_layer_norm\.(.+)$/, 'ln_final.$1'],
  // x·M with M [D, P], where transformers has a linear layer; newer files may have one, too
  [/^text_projection\.transposed$/, 'text_projection'],
  [/^text_projection\.weight$/, 'text_projection.weight'],
  [/^vision_model\.embeddings\.class_embedding$/, 'visual.class_embedding'],
  [/^vision_model\.embeddings\.patch_embedding\.weight$/, 'visual.conv1.weight'],
  [/^vision_model\.embeddings\.position_embedding\.weight$/, 'visual.positional_embedding'],
  [/^vision_model\.pre_layrnorm\.(.+)$/, 'visual.ln_pre.$1'],
  [/^vision_model\.post_layernorm\.(.+)$/, 'visual.ln_post.$1'],
  [/^visual_projection\.transposed$/, 'visual.proj'],
];

const LAYER = /^(text|vision)_model\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)$/;
const LAYER_NAMES: Readonly<Record<string, string>> = {
  layer_norm1: 'ln_1',
  layer_norm2: 'ln_2',
  'self_attn.out_proj': 'attn.out_proj',
  'mlp.fc1': 'mlp.c_fc',
  'mlp.fc2': 'mlp.c_proj',
};
/** The three projections of attention are one matrix [3·D, D]. */
const THIRDS = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'];

/** `prefix`: what stands before every name, e.g. "conditioner.embedders.1.model.". */
export function openClip(weights: Weights, prefix = ''): Parameters {
  const get = (name: string) => weights.get(prefix + name);
  return {
    source: weights.source,
    find: (name) => {
      const layer = LAYER.exec(name);
      if (layer) return layerWeight(get, layer);
      const row = NAMES.find(([pattern]) => pattern.test(name));
      return row && get(name.replace(...row));
    },
  };
}

function layerWeight(get: (name: string) => Weight | undefined, [, tower, index, name, kind]: RegExpExecArray) {
  const block = `${tower === 'vision' ? 'visual.' : ''}transformer.resblocks.${index}`;
  const third = THIRDS.indexOf(name);
  if (third < 0) return Object.hasOwn(LAYER_NAMES, name) ? get(`${block}.${LAYER_NAMES[name]}.${kind}`) : undefined;
  const whole = get(`${block}.attn.in_proj_${kind}`);
  return whole && whole.dims[0] % 3 === 0 ? part(whole, third, 3) : undefined;
}

/** Which towers are there under these names. */
export function openClipTowers({ names }: Weights, prefix = ''): { text: boolean; vision: boolean } {
  const has = (name: string) => names.has(prefix + name);
  return {
    text: has('token_embedding.weight') && has('transformer.resblocks.0.ln_1.weight'),
    vision: has('visual.conv1.weight') && has('visual.transformer.resblocks.0.ln_1.weight'),
  };
}
