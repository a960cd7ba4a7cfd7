// What a checkpoint is made of, wherever it comes from: an ONNX export, a folder of .safetensors files, or one such file.
import type { Tokenizer } from '../clip/tokenizer.ts';
import { InputError } from '../errors.ts';
import type { LayerChoice } from './hidden-layer.ts';
import type { VaeConfig } from './layout.ts';
import type { NoiseLevels } from './noise-levels.ts';
import type { ModelSource } from './onnx-model.ts';

export interface EncoderPart {
  readonly source: ModelSource;
  /** Reads the tokenizer's files. */
  readonly tokenizer: () => Promise<Tokenizer>;
  readonly layer: LayerChoice;
}

export interface VaeParts {
  readonly decoder: ModelSource;
  readonly encoder: ModelSource;
  readonly config: VaeConfig;
}

export interface CheckpointParts {
  /** The folder, or the one that the file lies in. */
  readonly dir: string;
  /** In the order in which their states stand side by side: one, or two for SD XL. */
  readonly textEncoders: readonly EncoderPart[];
  readonly unet: ModelSource;
  readonly vae: VaeParts;
  readonly levels: NoiseLevels;
}

/** A part that a file lacks: whoever uses it is told what to do. */
export const missingPart = (source: string, sentence: string): ModelSource => ({
  name: 'missing',
  parameters: { source, find: () => undefined },
  build: () => {
    throw new InputError('MODEL_NOT_FOUND', `${source} ${sentence}.`);
  },
});
