// A CLIP as transformers saves it → its parameters; the canonical names are transformers' own.
import type { Weights } from '../../safetensors/weights.ts';
import type { Parameters } from '../layers.ts';

/** What stands at the root of each tower. */
const ROOTS = {
  text_model: 'embeddings.token_embedding.weight',
  vision_model: 'embeddings.patch_embedding.weight',
};

/**
 * `prefix`: what stands before every name, e.g. "cond_stage_model.transformer.". The names of a tower that was saved alone may lack
 * "text_model." or "vision_model.".
 */
export function transformersClip(weights: Weights, prefix = ''): Parameters {
  const bare = Object.entries(ROOTS)
    .filter(([tower, root]) => !weights.names.has(`${prefix}${tower}.${root}`) && weights.names.has(`${prefix}${root}`))
    .map(([tower]) => `${tower}.`);
  return {
    source: weights.source,
    find: (name) => {
      const tower = bare.find((start) => name.startsWith(start));
      return weights.get(prefix + (tower ? name.slice(tower.length) : name));
    },
  };
}

/** Which towers are there under these names. */
export function transformersTowers({ names }: Weights, prefix = ''): { text: boolean; vision: boolean } {
  const has = (tower: keyof typeof ROOTS) =>
    names.has(`${prefix}${tower}.${ROOTS[tower]}`) || names.has(prefix + ROOTS[tower]);
  return { text: has('text_model'), vision: has('vision_model') };
}
