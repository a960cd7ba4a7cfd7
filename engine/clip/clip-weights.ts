// The file with the weights of a CLIP → its towers as .onnx files whose weights stay where they are, and what its configuration says.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  bareTextConfig,
  bareVisionConfig,
  type OpenClipConfig,
  openClipTextConfig,
  openClipVisionConfig,
  type TransformersTowerConfig,
  transformersTextConfig,
  transformersVisionConfig,
} from '../architectures/clip-config.ts';
import type { ClipEncoderConfig } from '../architectures/clip-encoder.ts';
import { buildClipText, type ClipTextConfig, type ClipTextSizes, clipTextSizes } from '../architectures/clip-text.ts';
import { buildClipVision, type ClipVisionSizes, clipVisionSizes } from '../architectures/clip-vision.ts';
import { clipIn, type FoundClip } from '../architectures/layouts/clip.ts';
import { type ModelKind, modelKindOf } from '../architectures/model-kind.ts';
import { placeGraph } from '../architectures/place-graph.ts';
import { InputError } from '../errors.ts';
import { readJson } from '../hub/read-json.ts';
import { openWeights } from '../safetensors/weights.ts';

export interface ClipWeights {
  /** The file, or the index of its shards. */
  readonly path: string;
  /** The folder in which its tokenizer and configuration are looked for. */
  readonly dir: string;
  readonly found: FoundClip;
  readonly config: ClipConfigFiles;
}

interface ClipConfigFiles {
  /** config.json beside the weights. */
  readonly transformers?: TransformersConfig;
  /** open_clip_config.json beside them. */
  readonly openClip?: OpenClipFile;
}

interface OpenClipFile {
  readonly model_cfg?: OpenClipConfig;
  /** What OpenCLIP does with pictures, in its own words. */
  readonly preprocess_cfg?: object;
}

interface TowerConfig extends TransformersTowerConfig {
  readonly hidden_size?: number;
  readonly num_hidden_layers?: number;
}

/** Of both towers, or of one that was saved alone. */
interface TransformersConfig extends TowerConfig {
  readonly text_config?: TowerConfig;
  readonly vision_config?: TowerConfig;
}

/** Throws MODEL_NOT_FOUND, MODEL_INVALID, and MODEL_UNSUPPORTED for a pickle or for what is not a CLIP. */
export function openClipWeights(path: string): ClipWeights {
  const weights = openWeights(path);
  const { kind, label, supported } = modelKindOf(weights);
  const found = clipIn(weights);
  if (!found || !supported || (kind !== 'text_encoders' && kind !== 'clip_vision'))
    throw notClip(path, { kind, label });
  const dir = dirname(path);
  const read = <T extends object>(name: string): T | undefined =>
    existsSync(join(dir, name)) ? readJson<T>(join(dir, name)) : undefined;
  // Each layout has its own configuration; a folder may hold both.
  const config =
    found.layout === 'transformers'
      ? { transformers: read<TransformersConfig>('config.json') }
      : { openClip: read<OpenClipFile>('open_clip_config.json') };
  return { path, dir, found, config };
}

function notClip(path: string, { kind, label }: Pick<ModelKind, 'kind' | 'label'>): InputError {
  const hint = kind === 'checkpoints' ? ' Load it as a checkpoint.' : '';
  return new InputError('MODEL_UNSUPPORTED', `${path} is not a CLIP; it looks like this: ${label}.${hint}`);
}

export interface TowerOptions {
  /** Where the graph is written; default `$HF_HOME/pez-nodes`. */
  readonly cacheDir?: string;
}

/** The text tower as an .onnx file, with its sizes. Throws MODEL_UNSUPPORTED, MODEL_INVALID. */
export function textTowerOf(
  clip: ClipWeights,
  { cacheDir }: TowerOptions = {},
): { path: string; sizes: ClipTextSizes } {
  const { found, path } = clip;
  if (!found.text)
    throw new InputError(
      'MODEL_UNSUPPORTED',
      `${path} holds the picture tower of a CLIP alone: give the file of the text tower, and this one as its picture tower.`,
    );
  const sizes = clipTextSizes(found.parameters);
  const graph = buildClipText({ config: textConfigOf(clip, sizes), parameters: found.parameters });
  return { path: placeGraph(graph, { name: 'text_model', cacheDir }), sizes };
}

function textConfigOf({ path, dir, found, config }: ClipWeights, sizes: ClipTextSizes): ClipTextConfig {
  const { transformers, openClip } = config;
  if (transformers) {
    const source = join(dir, 'config.json');
    const said = transformers.text_config ?? transformers;
    checkSizes({ source, path, said: { width: said.hidden_size, layers: said.num_hidden_layers }, sizes });
    return transformersTextConfig(said, source);
  }
  if (!openClip?.model_cfg) return bareTextConfig(found);
  const source = join(dir, 'open_clip_config.json');
  const { text_cfg: said } = openClip.model_cfg;
  checkSizes({ source, path, said: { width: said?.width, layers: said?.layers }, sizes });
  return openClipTextConfig(openClip.model_cfg, source);
}

/** The picture tower as an .onnx file, with its sizes. Throws MODEL_UNSUPPORTED, MODEL_INVALID. */
export function visionTowerOf(
  clip: ClipWeights,
  { cacheDir }: TowerOptions = {},
): { path: string; sizes: ClipVisionSizes } {
  const { found, path } = clip;
  if (!found.vision)
    throw new InputError(
      'MODEL_UNSUPPORTED',
      `${path} holds no picture tower that can be used; a ViT as CLIP has it can.`,
    );
  const sizes = clipVisionSizes(found.parameters);
  const graph = buildClipVision({ config: visionConfigOf(clip, sizes), parameters: found.parameters });
  return { path: placeGraph(graph, { name: 'vision_model', cacheDir }), sizes };
}

function visionConfigOf({ path, dir, found, config }: ClipWeights, sizes: ClipVisionSizes): ClipEncoderConfig {
  const { transformers, openClip } = config;
  if (transformers) {
    const source = join(dir, 'config.json');
    const said = transformers.vision_config ?? transformers;
    checkSizes({ source, path, said: { width: said.hidden_size, layers: said.num_hidden_layers }, sizes });
    return transformersVisionConfig(said, source);
  }
  if (!openClip?.model_cfg) return bareVisionConfig(found);
  const source = join(dir, 'open_clip_config.json');
  const { vision_cfg: said } = openClip.model_cfg;
  checkSizes({ source, path, said: { width: said?.width, layers: said?.layers }, sizes });
  return openClipVisionConfig(openClip.model_cfg, source);
}

interface SizeCheck {
  readonly source: string;
  readonly path: string;
  readonly said: { readonly width?: unknown; readonly layers?: unknown };
  readonly sizes: { readonly width: number; readonly layers: number };
}

/** A configuration that belongs to another model, or a file that lacks layers, must not pass. */
function checkSizes({ source, path, said, sizes }: SizeCheck): void {
  for (const what of ['width', 'layers'] as const)
    if (typeof said[what] === 'number' && said[what] !== sizes[what])
      throw new InputError(
        'MODEL_INVALID',
        `${source} does not belong to ${path}: it says ${what} ${said[what]}, the weights have ${sizes[what]}.`,
      );
}
