// A CLIP tower in a file → its name among the known ones, by its width and the size of its patches.
import type { Weights } from '../../safetensors/weights.ts';
import type { Part } from './find-parts.ts';

/** Width of the hidden states → the towers that have it. */
const TEXT: Readonly<Record<number, string>> = {
  512: 'CLIP ViT-B',
  768: 'CLIP ViT-L/14',
  1024: 'CLIP ViT-H/14',
  1280: 'CLIP ViT-bigG/14',
};

export function textEncoderLabel(weights: Weights, { layout, prefix }: Part): string {
  const table = layout === 'openclip' ? 'token_embedding.weight' : 'embeddings.token_embedding.weight';
  const width = weights.dims(prefix + table)?.[1] ?? 0;
  return TEXT[width] ?? `CLIP of width ${width}`;
}

/** Width and patch size → name. */
const VISION: Readonly<Record<string, string>> = {
  '768/32': 'CLIP ViT-B/32',
  '768/16': 'CLIP ViT-B/16',
  '1024/14': 'CLIP ViT-L/14',
  '1280/14': 'CLIP ViT-H/14',
  '1408/14': 'CLIP ViT-g/14',
  '1664/14': 'CLIP ViT-bigG/14',
};

export function visionEncoderLabel(weights: Weights, { layout, prefix }: Part): string {
  const [patches, positions] =
    layout === 'openclip'
      ? ['conv1.weight', 'positional_embedding']
      : ['embeddings.patch_embedding.weight', 'embeddings.position_embedding.weight'];
  const [width = 0, , size = 0] = weights.dims(prefix + patches) ?? [];
  const name = VISION[`${width}/${size}`] ?? `CLIP of width ${width}, patches of ${size}`;
  const count = weights.dims(prefix + positions)?.[0] ?? 0;
  // 224 pixels are not said; 336 are a model of its own.
  return name === 'CLIP ViT-L/14' && count === 24 ** 2 + 1 ? `${name}-336` : name;
}
