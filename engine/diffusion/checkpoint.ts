// Name of a checkpoint → its parts, ready to run: prompt encoder, U-Net, VAE and noise levels.

import { loadClipTokenizer } from '../clip/clip-tokenizer.ts';
import { once } from '../memo.ts';
import { checkDevice, type Device } from '../onnx/device.ts';
import type { Conditioning } from './conditioning.ts';
import { type CheckpointFiles, type CheckpointStoreOptions, findCheckpoint } from './layout.ts';
import { type NoiseLevels, readNoiseLevels } from './noise-levels.ts';
import { makeOnnxModel, type OnnxModel, type RunTime } from './onnx-model.ts';
import { makePromptEncoder } from './prompt-encoder.ts';
import { makeUnet, type Unet } from './unet.ts';
import { makeVae, type Vae } from './vae.ts';

/** ComfyUI's MODEL: what predicts, and what it was trained on. */
export interface DiffusionModel {
  readonly name: string;
  readonly unet: Unet;
  readonly levels: NoiseLevels;
  /** The VAE's numbers: the model works on scaled latents. */
  readonly vae: Vae['config'];
}

/** ComfyUI's CLIP of a checkpoint: what turns prompts into conditioning. */
export interface PromptModel {
  readonly name: string;
  encode(text: string): Promise<Conditioning>;
}

export interface Checkpoint {
  /** The name by which it was requested. */
  readonly name: string;
  readonly dir: string;
  readonly device: Device;
  readonly model: DiffusionModel;
  readonly clip: PromptModel;
  readonly vae: Vae;
  /** Runs and time inside onnxruntime, by part: text_encoder, text_encoder_2, unet, vae_decoder, vae_encoder. */
  times(): Record<string, RunTime>;
  /** Frees all sessions; further use of the checkpoint makes new ones. */
  release(): Promise<void>;
}

export interface CheckpointOptions extends CheckpointStoreOptions {
  /** cpu (the default), webgpu, cuda, coreml or dml. */
  readonly device?: string;
}

/**
 * Loads a checkpoint: a bundled name, a folder in the layout of diffusers/optimum ONNX exports, or a hub id ('org/name', with '@revision'),
 * which is downloaded once. Sessions are made when a part is first used. Throws MODEL_NOT_FOUND (a part is missing: the file is named),
 * MODEL_INVALID, MODEL_UNSUPPORTED, DOWNLOAD_FAILED, OPTION_INVALID (unknown device or precision).
 */
export async function loadCheckpoint(name: string, options: CheckpointOptions = {}): Promise<Checkpoint> {
  const device = checkDevice(options.device ?? 'cpu');
  const files = await findCheckpoint(name, options);
  const levels = readNoiseLevels(files.scheduler, files.schedulerPath);
  const models = makeModels(files, device);
  const vae = makeVae(files.vae, models.vae_decoder, models.vae_encoder);
  const clip = makePromptEncoder(
    files.textEncoders.map(({ tokenizerDir }, i) => ({
      model: models[encoderName(i)],
      tokenizer: once(() => loadClipTokenizer(tokenizerDir)),
    })),
  );
  return {
    name,
    dir: files.dir,
    device,
    model: { name, unet: makeUnet(models.unet), levels, vae: files.vae },
    clip: { name, encode: clip.encode },
    vae,
    times: () => Object.fromEntries(Object.entries(models).map(([part, { time }]) => [part, time])),
    release: async () => {
      for (const model of Object.values(models)) await model.release();
    },
  };
}

const encoderName = (i: number): string => (i === 0 ? 'text_encoder' : `text_encoder_${i + 1}`);

/** Part of the checkpoint → its model. */
function makeModels(files: CheckpointFiles, device: Device): Record<string, OnnxModel> {
  const encoders = files.textEncoders.map(({ modelPath }, i) => [encoderName(i), modelPath]);
  const paths = Object.fromEntries([
    ...encoders,
    ['unet', files.unetPath],
    ['vae_decoder', files.vaeDecoderPath],
    ['vae_encoder', files.vaeEncoderPath],
  ]) as Record<string, string>;
  return Object.fromEntries(Object.entries(paths).map(([part, path]) => [part, makeOnnxModel(path, device)]));
}

/** Text → conditioning, with ComfyUI's weights `(word:1.2)`; long texts take several windows of 77 tokens. */
export const encodePrompt = (clip: PromptModel, text: string): Promise<Conditioning> => clip.encode(text);

/** Pictures [B, H, W, 3] → latent: VAEEncode. */
export const encodeImage = (vae: Vae, pictures: Parameters<Vae['encode']>[0], signal?: AbortSignal) =>
  vae.encode(pictures, signal);

/** Latent → pictures [B, H, W, 3] in [0, 1]: VAEDecode. */
export const decodeLatent = (vae: Vae, latent: Parameters<Vae['decode']>[0], signal?: AbortSignal) =>
  vae.decode(latent, signal);
