// What an export of a CLIP in ONNX calls its files, inputs, outputs and settings. One file each describes a layout; `all.ts` lists them.
import type { Dtype, Tower } from '../variant.ts';

/** config.json, as far as it is read, in the words of the hub's transformers.js exports. */
export interface ClipConfig {
  readonly model_type?: string;
  readonly projection_dim?: number;
  readonly text_config?: {
    readonly model_type?: string;
    readonly max_position_embeddings?: number;
    readonly projection_dim?: number;
  };
  /** Texts are read without punctuation and capitals: its tokenizer expects that to have been done. */
  readonly canonicalise?: boolean;
}

/** preprocessor_config.json: transformers' words, handed on to its image processors. */
export type ProcessorConfig = Readonly<Record<string, unknown>> & {
  readonly image_processor_type?: string;
  readonly feature_extractor_type?: string;
};

/** Names of a tower's one input and of its embedding in the export. */
export interface TowerNames {
  readonly input: string;
  readonly outputs: readonly string[];
}

/** All paths are relative to the model's folder, with forward slashes. */
export interface ClipLayout {
  readonly name: string;
  /** The .onnx file of a tower. */
  readonly towerFile: (tower: Tower, dtype: Dtype) => string;
  readonly config: string;
  readonly tokenizer: string;
  readonly tokenizerConfig: string;
  readonly processor: string;
  /** What its towers call their input and output; left out where these are input_ids, pixel_values, text_embeds, image_embeds. */
  readonly names?: Readonly<Record<Tower, TowerNames>>;
  /** Content of `config` → the same in transformers' words. Throws MODEL_INVALID, MODEL_UNSUPPORTED; `path` is for messages. */
  readonly readConfig: (json: object, path: string) => ClipConfig;
  /** Content of `processor` → the same in transformers' words. Throws MODEL_INVALID, MODEL_UNSUPPORTED. */
  readonly readProcessor: (json: object, path: string) => ProcessorConfig;
}
