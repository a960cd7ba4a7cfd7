// Name of a CLIP (bundled, file, folder, hub id) → its tokenizer and its text and image encoders.
import { existsSync } from 'node:fs';
import { findModel } from '../hub/model-store.ts';
import type { DownloadPlan, DownloadProgress } from '../hub/pull-folder.ts';
import type { Tower } from '../hub/variant.ts';
import { checkDevice, type Device } from '../onnx/device.ts';
import { openClipWeights } from './clip-weights.ts';
import { type ImageEncoder, makeImageEncoder } from './image-encoder.ts';
import { pairTowers } from './pair-towers.ts';
import { prepareTower } from './prepare-tower.ts';
import { loadPreprocess } from './preprocess.ts';
import { makeTextEncoder, type TextEncoder } from './text-encoder.ts';
import { loadTokenizer, readClipConfig, type Tokenizer } from './tokenizer.ts';
import { clipFromWeights, visionFromWeights } from './weights-clip.ts';

export interface Clip {
  /** The name by which it was requested. */
  readonly name: string;
  readonly dir: string;
  /** Where its towers run, and a search with them. */
  readonly device: Device;
  /** The text tower's ONNX file, with the input input_ids and the output text_embeds (or one of their other usual names). */
  readonly textModelPath: string;
  readonly tokenizer: Tokenizer;
  readonly text: TextEncoder;
  readonly image: ImageEncoder;
}

/** What PEZ needs of a text tower. */
export type TextTower = Omit<Clip, 'image'>;

export interface VisionTower {
  readonly name: string;
  readonly image: ImageEncoder;
  /** P. */
  readonly dim: number;
}

export interface LoadOptions {
  /** cpu (the default), webgpu, cuda, coreml or dml. */
  device?: string;
  /** Where downloaded models are kept; default `$HF_HOME/pez-nodes` (~/.cache/huggingface/pez-nodes). */
  cacheDir?: string;
  /** Never use the network; the default is whether HF_HUB_OFFLINE is 1. */
  offline?: boolean;
  /** The hub's address; default HF_ENDPOINT or https://huggingface.co. */
  endpoint?: string;
  /** Precision of the weights: fp32, fp16, q8 and others (`dtypes`); the next one if there is none of it; by default the most precise that is on this machine or, if none is, on the hub. */
  dtype?: string;
  /** What is about to be downloaded, before it is. */
  onPlan?: (plan: DownloadPlan) => void;
  /** Where the picture tower comes from, if not from the same model: a `clip_vision` file, a folder, a hub id. */
  vision?: string;
  onProgress?: (progress: DownloadProgress) => void;
  /** Takes a sentence for people, such as that another precision is used than the one asked for. */
  onNote?: (note: string) => void;
  signal?: AbortSignal;
}

/**
 * Loads a CLIP: a bundled name ('pico-clip'), a .safetensors file, a folder (in one of the layouts of engine/hub/clip-layouts, or with the
 * weights of transformers or OpenCLIP), or a hub id ('openai/clip-vit-large-patch14', with '@revision' if wanted), which is downloaded once.
 * The sessions of both towers are made when they are first used. Throws MODEL_NOT_FOUND, MODEL_INVALID, MODEL_UNSUPPORTED, DOWNLOAD_FAILED,
 * OPTION_INVALID (unknown device or precision).
 */
export async function loadClip(name: string, options: LoadOptions = {}): Promise<Clip> {
  if (options.vision !== undefined)
    return pairTowers(await loadTextTower(name, options), await loadVisionTower(options.vision, options));
  const device = checkDevice(options.device ?? 'cpu');
  const files = await findModel(name, options);
  if ('weightsPath' in files) return clipFromWeights(name, openClipWeights(files.weightsPath), { ...options, device });
  const { dir, layout, ...found } = files;
  const prepared = (path: string, tower: Tower) =>
    layout.names && existsSync(path) ? prepareTower(path, tower, layout.names[tower], options) : path;
  const textModelPath = prepared(found.textModelPath, 'text');
  const visionModelPath = prepared(found.visionModelPath, 'vision');
  const tokenizer = await loadTokenizer(dir, layout);
  const config = readClipConfig(dir, layout);
  // Without a P in the configuration, it is found by embedding a short text.
  const dim = config.projection_dim ?? config.text_config?.projection_dim;
  return {
    name,
    dir,
    device,
    textModelPath,
    tokenizer,
    text: makeTextEncoder({ path: textModelPath, device }, tokenizer, dim),
    image: makeImageEncoder({ path: visionModelPath, device }, (form) =>
      loadPreprocess(dir, layout, { normalise: form === 'normalised' }),
    ),
  };
}

/** The text tower of a model. Takes what `loadClip` takes, and throws what it throws. */
export async function loadTextTower(name: string, options: LoadOptions = {}): Promise<TextTower> {
  return loadClip(name, { ...options, vision: undefined });
}

/** The picture tower of a model: a `clip_vision` file, a folder, or a hub id. Throws what `loadClip` throws. */
export async function loadVisionTower(name: string, options: LoadOptions = {}): Promise<VisionTower> {
  const device = checkDevice(options.device ?? 'cpu');
  const files = await findModel(name, options);
  if ('weightsPath' in files)
    return visionFromWeights(name, openClipWeights(files.weightsPath), { ...options, device });
  const { image, text } = await loadClip(name, { ...options, vision: undefined });
  return { name, image, dim: await text.dim() };
}
