// The layout of immich-app's exports of OpenCLIP: textual/model.onnx and visual/model.onnx, with OpenCLIP's own configuration files.
import { InputError } from '../../errors.ts';
import { variantFile } from '../variant.ts';
import type { ClipConfig, ClipLayout, ProcessorConfig } from './layout.ts';

const FOLDER = { text: 'textual', vision: 'visual' };

export const immich: ClipLayout = {
  name: 'immich',
  towerFile: (tower, dtype) => variantFile(`${FOLDER[tower]}/model`, dtype),
  config: 'config.json',
  tokenizer: 'textual/tokenizer.json',
  tokenizerConfig: 'textual/tokenizer_config.json',
  processor: 'visual/preprocess_cfg.json',
  names: {
    text: { input: 'text', outputs: ['embedding', 'text_embedding'] },
    vision: { input: 'image', outputs: ['embedding', 'image_embedding'] },
  },
  readConfig,
  readProcessor,
};

/** OpenCLIP's default where text_cfg leaves it out. */
const DEFAULT_CONTEXT = 77;

interface OpenClipConfig {
  readonly embed_dim?: number;
  readonly text_cfg?: { readonly context_length?: number; readonly tokenizer_kwargs?: { readonly clean?: string } };
}

function readConfig(json: OpenClipConfig): ClipConfig {
  return {
    projection_dim: json.embed_dim,
    text_config: { max_position_embeddings: json.text_cfg?.context_length ?? DEFAULT_CONTEXT },
    canonicalise: json.text_cfg?.tokenizer_kwargs?.clean === 'canonicalize',
  };
}

interface OpenClipPreprocess {
  readonly size?: number | readonly number[];
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly interpolation?: string;
  readonly resize_mode?: string;
}

/** Pillow's numbers for the filters. */
const RESAMPLE: Record<string, number> = { nearest: 0, lanczos: 1, bilinear: 2, bicubic: 3 };

/** OpenCLIP's numbers, where the file leaves them out, are those of OpenAI's CLIP. */
const OPENAI_MEAN = [0.48145466, 0.4578275, 0.40821073];
const OPENAI_STD = [0.26862954, 0.26130258, 0.27577711];

function readProcessor(json: OpenClipPreprocess, path: string): ProcessorConfig {
  const { size, mean = OPENAI_MEAN, std = OPENAI_STD, interpolation = 'bicubic', resize_mode = 'shortest' } = json;
  const [height, width = height] = Array.isArray(size) ? (size as number[]) : [size as number];
  const resample = RESAMPLE[interpolation];
  const isSide = (n: unknown) => Number.isInteger(n) && (n as number) > 0;
  if (!isSide(height) || !isSide(width) || resample === undefined)
    throw new InputError(
      'MODEL_INVALID',
      `${path} is not OpenCLIP's preprocessing: it needs "size" in pixels and "interpolation" (one of ${Object.keys(RESAMPLE).join(', ')}); it has ${JSON.stringify({ size, interpolation })}.`,
    );
  const common = {
    image_processor_type: 'CLIPImageProcessor',
    do_resize: true,
    resample,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean,
    image_std: std,
  };
  if (resize_mode === 'squash') return { ...common, size: { height, width }, do_center_crop: false };
  if (resize_mode === 'shortest' && height === width)
    return { ...common, size: { shortest_edge: height }, do_center_crop: true, crop_size: { height, width } };
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `${path} resizes in the mode "${resize_mode}" to ${height} × ${width}; "shortest" to a square, or "squash", is supported.`,
  );
}
