// A CLIP tower in a file → its name among the known ones, by its width and the size of its patches.
import type { Weights } from '../../safetensors/weights.ts';
import type { Part } from './find-parts.ts';

type Names = Readonly<Record<string, readonly string[]>>;

const TABLES: Names = {
  transformers: ['text_model.embeddings.token_embedding.weight', 'embeddings.token_embedding.weight'],
  open_clip: ['token_embedding.weight'],
};

/** Width of the hidden states → the towers that have it. */
const TEXT: Readonly<Record<number, string>> = {
  512: 'CLIP ViT-B',
  768: 'CLIP ViT-L/14',
  1024: 'CLIP ViT-H/14',
  1280: 'CLIP ViT-bigG/14',
};

export function textEncoderLabel(weights: Weights, { layout, prefix }: Part): string {
  const width = dimsOf(weights, prefix, TABLES[layout])?.[1] ?? 0;
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

const VISION_NAMES = {
  transformers: {
    patches: 'vision_model.embeddings.patch_embedding.weight',
    positions: 'vision_model.embeddings.position_embedding.weight',
  },
  open_clip: { patches: 'visual.conv1.weight', positions: 'visual.positional_embedding' },
};

export function visionEncoderLabel(weights: Weights, { layout, prefix }: Part): string {
  const { patches, positions } = VISION_NAMES[layout === 'open_clip' ? layout : 'transformers'];
  const [width = 0, , size = 0] = weights.dims(prefix + patches) ?? [];
  const name = VISION[`${width}/${size}`] ?? `CLIP of width ${width}, patches of ${size}`;
  const count = weights.dims(prefix + positions)?.[0] ?? 0;
  // 224 pixels are not said; 336 are a model of its own.
  return name === 'CLIP ViT-L/14' && count === 24 ** 2 + 1 ? `${name}-336` : name;
}

const dimsOf = ({ dims }: Weights, prefix: string, names: readonly string[] = []): readonly number[] | undefined =>
  names.map((name) => dims(prefix + name)).find((found) => found !== undefined);
