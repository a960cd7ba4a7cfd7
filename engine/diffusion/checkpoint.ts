// Name of a checkpoint → its parts, ready to run: prompt encoder, U-Net, VAE and noise levels.
import { weightsFile } from '../hub/find-weights.ts';
import { once } from '../memo.ts';
import { checkDevice, type Device } from '../onnx/device.ts';
import type { CheckpointParts } from './checkpoint-parts.ts';
import type { Conditioning } from './conditioning.ts';
import { partsOfFile } from './file-checkpoint.ts';
import { partsOfFolder } from './folder-checkpoint.ts';
import { type CheckpointStoreOptions, findCheckpoint } from './layout.ts';
import { checkPrediction, type NoiseLevels } from './noise-levels.ts';
import { type ModelSource, makeOnnxModel, type OnnxModel, type RunTime } from './onnx-model.ts';
import { makePromptModel, type PromptModel } from './prompt-model.ts';
import { makeUnet, type Unet } from './unet.ts';
import { makeVae, type Vae } from './vae.ts';

export type { PromptModel };

/** ComfyUI's MODEL: what predicts, and what it was trained on. */
export interface DiffusionModel {
  readonly name: string;
  readonly unet: Unet;
  readonly levels: NoiseLevels;
  /** The VAE's numbers: the model works on scaled latents. */
  readonly vae: Vae['config'];
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
  /** What the U-Net's output means, where the checkpoint does not say it or says it wrongly: epsilon, v_prediction or sample. */
  readonly prediction?: string;
}

/**
 * Loads a checkpoint: a bundled name, a .safetensors file, a folder in diffusers' layout (ONNX exports or .safetensors), or a hub id
 * ('org/name', with '@revision'), which is downloaded once. Only headers of weights are read; graphs and sessions are made when a part is first
 * used. Throws MODEL_NOT_FOUND (a part is missing: the file is named), MODEL_INVALID, MODEL_UNSUPPORTED, DOWNLOAD_FAILED, OPTION_INVALID
 * (unknown device, precision or prediction type).
 */
export async function loadCheckpoint(name: string, options: CheckpointOptions = {}): Promise<Checkpoint> {
  const device = checkDevice(options.device ?? 'cpu');
  const { prediction } = options;
  checkPrediction(prediction);
  const file = weightsFile(name);
  const parts = file ? partsOfFile(file, prediction) : partsOfFolder(await findCheckpoint(name, options), prediction);
  return makeCheckpoint(name, parts, (source) => makeOnnxModel(source, device, { cacheDir: options.cacheDir }));
}

function makeCheckpoint(name: string, parts: CheckpointParts, make: (source: ModelSource) => OnnxModel): Checkpoint {
  const encoders = parts.textEncoders.map(({ source, tokenizer, layer }) => ({
    model: make(source),
    tokenizer: once(tokenizer),
    layer,
  }));
  const unet = make(parts.unet);
  const [decoder, encoder] = [parts.vae.decoder, parts.vae.encoder].map(make);
  const models: Record<string, OnnxModel> = {
    ...Object.fromEntries(encoders.map(({ model }, i) => [encoderName(i), model])),
    unet,
    vae_decoder: decoder,
    vae_encoder: encoder,
  };
  return {
    name,
    dir: parts.dir,
    device: unet.device,
    model: { name, unet: makeUnet(unet), levels: parts.levels, vae: parts.vae.config },
    clip: makePromptModel(name, encoders),
    vae: makeVae(parts.vae.config, decoder, encoder),
    times: () => Object.fromEntries(Object.entries(models).map(([part, { time }]) => [part, time])),
    release: async () => {
      for (const model of Object.values(models)) await model.release();
    },
  };
}

const encoderName = (i: number): string => (i === 0 ? 'text_encoder' : `text_encoder_${i + 1}`);

/** Text → conditioning, with ComfyUI's weights `(word:1.2)`; long texts take several windows of 77 tokens. */
export const encodePrompt = (clip: PromptModel, text: string): Promise<Conditioning> => clip.encode(text);

/** Pictures [B, H, W, 3] → latent: VAEEncode. */
export const encodeImage = (vae: Vae, pictures: Parameters<Vae['encode']>[0], signal?: AbortSignal) =>
  vae.encode(pictures, signal);

/** Latent → pictures [B, H, W, 3] in [0, 1]: VAEDecode. */
export const decodeLatent = (vae: Vae, latent: Parameters<Vae['decode']>[0], signal?: AbortSignal) =>
  vae.decode(latent, signal);
