// An autoencoder as Stable Diffusion's own code saves it → its parameters by their canonical names, which are those of diffusers.
import type { Weights } from '../../safetensors/weights.ts';
import type { Parameters } from '../layers.ts';

/** Canonical name → the original's; `level` turns the number of a block on the way up around. */
const PATTERNS: readonly (readonly [RegExp, (match: RegExpExecArray, level: (i: string) => number) => string])[] = [
  [
    /^encoder\.down_blocks\.(\d+)\.resnets\.(\d+)\.(.+)$/,
    ([, i, j, rest]) => `encoder.down.${i}.block.${j}.${residual(rest)}`,
  ],
  [/^encoder\.down_blocks\.(\d+)\.downsamplers\.0\.(.+)$/, ([, i, rest]) => `encoder.down.${i}.downsample.${rest}`],
  [
    /^decoder\.up_blocks\.(\d+)\.resnets\.(\d+)\.(.+)$/,
    ([, i, j, rest], level) => `decoder.up.${level(i)}.block.${j}.${residual(rest)}`,
  ],
  [
    /^decoder\.up_blocks\.(\d+)\.upsamplers\.0\.(.+)$/,
    ([, i, rest], level) => `decoder.up.${level(i)}.upsample.${rest}`,
  ],
  [
    /^(encoder|decoder)\.mid_block\.resnets\.([01])\.(.+)$/,
    ([, side, i, rest]) => `${side}.mid.block_${Number(i) + 1}.${residual(rest)}`,
  ],
  [
    /^(encoder|decoder)\.mid_block\.attentions\.0\.(.+)\.(weight|bias)$/,
    ([, side, layer, end]) => `${side}.mid.attn_1.${ATTENTION[layer] ?? layer}.${end}`,
  ],
  [/^(encoder|decoder)\.conv_norm_out\.(.+)$/, ([, side, rest]) => `${side}.norm_out.${rest}`],
  [/^((?:encoder|decoder)\.conv_(?:in|out)|quant_conv|post_quant_conv)\.(weight|bias)$/, ([name]) => name],
];

const residual = (name: string): string => name.replace(/^conv_shortcut\./, 'nin_shortcut.');

/** The original projects with 1×1 convolutions [C, C, 1, 1]. */
const ATTENTION: Readonly<Record<string, string>> = {
  group_norm: 'norm',
  to_q: 'q',
  to_k: 'k',
  to_v: 'v',
  'to_out.0': 'proj_out',
};

/** `prefix`: what stands before every name, e.g. "first_stage_model.". */
export function originalVae(weights: Weights, prefix = ''): Parameters {
  let levels = 0;
  while (weights.names.has(`${prefix}decoder.up.${levels}.block.0.norm1.weight`)) levels++;
  // The original counts from the largest picture, diffusers from the smallest.
  const level = (i: string) => levels - 1 - Number(i);
  return {
    source: weights.source,
    find: (name) => {
      for (const [pattern, rename] of PATTERNS) {
        const match = pattern.exec(name);
        if (match) return weights.get(prefix + rename(match, level));
      }
      return undefined;
    },
  };
}
