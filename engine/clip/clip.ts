// Name of a CLIP (bundled, folder, hub id) → its tokenizer and its text and image encoders.
import { existsSync } from 'node:fs';
import { findModel } from '../hub/model-store.ts';
import type { DownloadPlan, DownloadProgress } from '../hub/pull-folder.ts';
import type { Tower } from '../hub/variant.ts';
import { checkDevice, type Device } from '../onnx/device.ts';
import { type ImageEncoder, makeImageEncoder } from './image-encoder.ts';
import { prepareTower } from './prepare-tower.ts';
import { loadPreprocess } from './preprocess.ts';
import { makeTextEncoder, type TextEncoder } from './text-encoder.ts';
import { loadTokenizer, readClipConfig, type Tokenizer } from './tokenizer.ts';

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
  onProgress?: (progress: DownloadProgress) => void;
  /** Takes a sentence for people, such as that another precision is used than the one asked for. */
  onNote?: (note: string) => void;
  signal?: AbortSignal;
}

/**
 * Loads a CLIP: a bundled name ('pico-clip'), a folder in one of the layouts of engine/hub/clip-layouts, or a hub id
 * ('Xenova/clip-vit-base-patch32', with '@revision' if wanted), which is downloaded once. The sessions of both towers
 * are made when they are first used. Throws MODEL_NOT_FOUND, MODEL_INVALID, MODEL_UNSUPPORTED, DOWNLOAD_FAILED,
 * OPTION_INVALID (unknown device or precision).
 */
export async function loadClip(name: string, options: LoadOptions = {}): Promise<Clip> {
  const device = checkDevice(options.device ?? 'cpu');
  const { dir, layout, ...found } = await findModel(name, options);
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
