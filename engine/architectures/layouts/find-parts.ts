// Names of the weights in a file → which parts of a model it holds, under which prefix and in whose names.
import type { Weights } from '../../safetensors/weights.ts';

/** Whose names a part has: `original` are those that Stable Diffusion's and OpenCLIP's own code writes. */
export type PartLayout = 'original' | 'diffusers' | 'transformers' | 'open_clip';

export interface Part {
  readonly part: 'unet' | 'vae_decoder' | 'vae_encoder' | 'text_encoder' | 'vision_encoder';
  readonly layout: PartLayout;
  /** What stands before each of the part's names: 'model.diffusion_model.', or nothing. */
  readonly prefix: string;
}

interface Pattern {
  readonly part: Part['part'];
  readonly layout: PartLayout;
  /** A part is there if all of these names are. */
  readonly names: readonly string[];
  /** Where parts have been seen; several of the same kind can stand in one file (SD XL has two text encoders). */
  readonly prefixes: readonly string[];
}

const VAE_PREFIXES = ['first_stage_model.', 'vae.', ''];

// prettier-ignore
const PATTERNS: readonly Pattern[] = [
  {
    part: 'unet',
    layout: 'original',
    names: ['input_blocks.0.0.weight', 'output_blocks.0.0.in_layers.0.weight'],
    prefixes: ['model.diffusion_model.', 'diffusion_model.', 'model.', ''],
  },
  {
    part: 'unet',
    layout: 'diffusers',
    names: ['conv_in.weight', 'up_blocks.0.resnets.0.norm1.weight'],
    prefixes: ['', 'unet.', 'model.diffusion_model.', 'diffusion_model.'],
  },
  { part: 'vae_decoder', layout: 'original', names: ['decoder.mid.block_1.norm1.weight'], prefixes: VAE_PREFIXES },
  {
    part: 'vae_decoder',
    layout: 'diffusers',
    names: ['decoder.mid_block.resnets.0.norm1.weight'],
    prefixes: VAE_PREFIXES,
  },
  { part: 'vae_encoder', layout: 'original', names: ['encoder.mid.block_1.norm1.weight'], prefixes: VAE_PREFIXES },
  {
    part: 'vae_encoder',
    layout: 'diffusers',
    names: ['encoder.mid_block.resnets.0.norm1.weight'],
    prefixes: VAE_PREFIXES,
  },
  {
    part: 'text_encoder',
    layout: 'transformers',
    names: ['text_model.embeddings.token_embedding.weight'],
    prefixes: [
      'cond_stage_model.transformer.',
      'conditioner.embedders.0.transformer.',
      'text_encoders.clip_l.transformer.',
      'text_encoders.clip_g.transformer.',
      'text_encoder.',
      '',
    ],
  },
  // Some early files, and towers that were saved alone, have no "text_model.".
  {
    part: 'text_encoder',
    layout: 'transformers',
    names: ['embeddings.token_embedding.weight', 'encoder.layers.0.layer_norm1.weight'],
    prefixes: ['cond_stage_model.transformer.', ''],
  },
  {
    part: 'text_encoder',
    layout: 'open_clip',
    names: ['token_embedding.weight', 'transformer.resblocks.0.ln_1.weight'],
    prefixes: ['cond_stage_model.model.', 'conditioner.embedders.0.model.', 'conditioner.embedders.1.model.', ''],
  },
  {
    part: 'vision_encoder',
    layout: 'transformers',
    names: ['vision_model.embeddings.patch_embedding.weight'],
    prefixes: [''],
  },
  { part: 'vision_encoder', layout: 'open_clip', names: ['visual.conv1.weight'], prefixes: [''] },
];

/** The parts that a file holds, text encoders in the order in which a checkpoint uses them. */
export function findParts({ names }: Weights): Part[] {
  return PATTERNS.flatMap(({ part, layout, names: wanted, prefixes }) =>
    prefixes
      .filter((prefix) => wanted.every((name) => names.has(prefix + name)))
      .map((prefix) => ({ part, layout, prefix })),
  );
}
