// Name of a CLIP (bundled, folder, hub id) → its tokenizer and its text and image encoders.
import { join } from 'node:path';
import type { DownloadProgress } from '../hub/fetch-model.ts';
import { findModel } from '../hub/model-store.ts';
import { readJson } from '../hub/read-json.ts';
import { checkDevice, type Device } from '../onnx/device.ts';
import { type ImageEncoder, makeImageEncoder } from './image-encoder.ts';
import { makeTextEncoder, type TextEncoder } from './text-encoder.ts';
import { loadTokenizer, type Tokenizer } from './tokenizer.ts';

export interface Clip {
  /** The name by which it was requested. */
  readonly name: string;
  readonly dir: string;
  /** Where its towers run, and a search with them. */
  readonly device: Device;
  /** The text tower's ONNX file. */
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
  /** Precision of the weights: fp32, fp16 or q8; by default the first of these that is on this machine or, if none is, on the hub. */
  dtype?: string;
  onProgress?: (progress: DownloadProgress) => void;
  signal?: AbortSignal;
}

/**
 * Loads a CLIP: a bundled name ('pico-clip'), a folder in the layout of the hub's transformers.js exports, or a hub id
 * ('Xenova/clip-vit-base-patch32', with '@revision' if wanted), which is downloaded once. The sessions of both towers
 * are made when they are first used. Throws MODEL_NOT_FOUND, MODEL_INVALID, MODEL_UNSUPPORTED, DOWNLOAD_FAILED,
 * OPTION_INVALID (unknown device or precision).
 */
export async function loadClip(name: string, options: LoadOptions = {}): Promise<Clip> {
  const device = checkDevice(options.device ?? 'cpu');
  const { dir, textModelPath, visionModelPath } = await findModel(name, options);
  const tokenizer = await loadTokenizer(dir);
  return {
    name,
    dir,
    device,
    textModelPath,
    tokenizer,
    text: makeTextEncoder({ path: textModelPath, device }, tokenizer, projectionDim(dir)),
    image: makeImageEncoder(dir, { path: visionModelPath, device }),
  };
}

/** P as config.json has it; undefined if it leaves it out. */
function projectionDim(dir: string): number | undefined {
  const config = readJson<{ projection_dim?: number; text_config?: { projection_dim?: number } }>(
    join(dir, 'config.json'),
  );
  return config.projection_dim ?? config.text_config?.projection_dim;
}
