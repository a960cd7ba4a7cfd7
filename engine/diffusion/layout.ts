// Name of a checkpoint (bundled, folder, hub id) → its files, in the folder layout of diffusers and of optimum's ONNX exports.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../errors.ts';
import { bundledRoot, bundledWith } from '../hub/bundled.ts';
import { INDEX_FILE } from '../hub/cache.ts';
import { localFolder } from '../hub/model-store.ts';
import type { HubOptions } from '../hub/pull-folder.ts';
import { readJson } from '../hub/read-json.ts';
import { checkDtype, type Dtype, findVariant, variantFile } from '../hub/variant.ts';
import { parseHubId } from '../hub-id.ts';
import { findPartWeights } from './find-part-weights.ts';
import { encodersOf, readIndex, SCHEDULER } from './model-index.ts';
import type { SchedulerConfig } from './noise-levels.ts';
import { pullCheckpoint } from './pull-checkpoint.ts';

export interface CheckpointFiles {
  readonly name: string;
  readonly dir: string;
  /** Of each part: the ONNX file or, if there is none, the .safetensors file or the index of several. One text encoder, or two for SDXL. */
  readonly textEncoders: readonly { readonly modelPath: string; readonly tokenizerDir: string }[];
  readonly unetPath: string;
  readonly vaeDecoderPath: string;
  /** May not exist: it is needed only to turn pictures into latents. */
  readonly vaeEncoderPath: string;
  readonly schedulerPath: string;
  readonly scheduler: SchedulerConfig;
  readonly vae: VaeConfig;
}

export interface VaeConfig {
  /** latent = (vae − shift) · scaling */
  readonly scalingFactor: number;
  readonly shiftFactor: number;
  /** Pixels per element of the latent, each way. */
  readonly scale: number;
  /** Channels of the latent. */
  readonly channels: number;
}

export interface CheckpointStoreOptions extends HubOptions {
  /** Precision of the weights (`dtypes`); the next one for parts that do not have it; by default, for each part, the most precise that is on this machine or, if none is, on the hub. */
  readonly dtype?: string;
}

/** Names of the bundled checkpoints, sorted. */
export const listBundledCheckpoints = (): string[] => bundledWith(INDEX_FILE, 'unet');

/** Whether a folder holds a checkpoint rather than a CLIP. */
export const isCheckpoint = (dir: string): boolean => existsSync(join(dir, INDEX_FILE));

/** Finds a checkpoint, downloading it if its name is a hub id that is not cached. Throws MODEL_NOT_FOUND, MODEL_UNSUPPORTED, MODEL_INVALID, DOWNLOAD_FAILED, OPTION_INVALID. */
export async function findCheckpoint(name: string, options: CheckpointStoreOptions = {}): Promise<CheckpointFiles> {
  const dtype = checkDtype(options.dtype);
  const bundled = listBundledCheckpoints();
  const dir = bundled.includes(name)
    ? join(bundledRoot(), name)
    : (localFolder(name, []) ?? (await fromHub(name, { ...options, onNote: undefined })));
  const index = readIndex(dir);
  const part = (folder: string) => {
    const onnx = findPart(folder, { name, dir, dtype, onNote: options.onNote });
    // An ONNX file was exported and checked by whoever offers it.
    return existsSync(onnx) ? onnx : (findPartWeights(dir, folder, dtype) ?? onnx);
  };
  const files: CheckpointFiles = {
    name,
    dir,
    textEncoders: encodersOf(index).map((suffix) => ({
      modelPath: part(`text_encoder${suffix}`),
      tokenizerDir: join(dir, `tokenizer${suffix}`),
    })),
    unetPath: part('unet'),
    vaeDecoderPath: part('vae_decoder'),
    vaeEncoderPath: part('vae_encoder'),
    schedulerPath: join(dir, SCHEDULER),
    scheduler: readJson<SchedulerConfig>(join(dir, SCHEDULER)),
    vae: readVaeConfig(dir, encodersOf(index).length > 1),
  };
  for (const path of [...files.textEncoders.map((e) => e.modelPath), files.unetPath, files.vaeDecoderPath])
    if (!existsSync(path))
      throw new InputError(
        'MODEL_NOT_FOUND',
        `The checkpoint ${name} lacks the file ${path}, and has no .safetensors file of that part.`,
      );
  for (const { tokenizerDir } of files.textEncoders) checkTokenizer(tokenizerDir);
  return files;
}

/** The file of a part: in the precision asked for, or in the next one, which is said; its plain name if there is none. */
function findPart(folder: string, { dir, dtype, name, onNote }: Wanted): string {
  const fileOf = (d: Dtype) => variantFile(`${folder}/model`, d);
  const found = findVariant(dir, fileOf, dtype);
  if (found && dtype && found.dtype !== dtype)
    onNote?.(`${name} has no ${fileOf(dtype)}: ${fileOf(found.dtype)} is used.`);
  return found?.path ?? join(dir, fileOf(dtype ?? 'fp32'));
}

interface Wanted {
  readonly name: string;
  readonly dir: string;
  readonly dtype: Dtype | undefined;
  readonly onNote: HubOptions['onNote'];
}

function checkTokenizer(dir: string): void {
  const has = (file: string) => existsSync(join(dir, file));
  if (has('tokenizer.json') || (has('vocab.json') && has('merges.txt'))) return;
  throw new InputError(
    'MODEL_NOT_FOUND',
    `The checkpoint lacks the file ${join(dir, 'tokenizer.json')} (or vocab.json and merges.txt beside it).`,
  );
}

/** config.json of a VAE. */
export interface VaeJson {
  readonly scaling_factor?: number | null;
  readonly shift_factor?: number | null;
  readonly latent_channels?: number;
  readonly block_out_channels?: readonly number[];
}

/** From the decoder's config.json, as optimum writes it, or the VAE's, as diffusers does; else Stable Diffusion's own numbers. */
function readVaeConfig(dir: string, isXl: boolean): VaeConfig {
  const path = ['vae_decoder', 'vae', 'vae_encoder'].map((f) => join(dir, f, 'config.json')).find((p) => existsSync(p));
  const config = path ? readJson<VaeJson>(path) : {};
  const vae = {
    scalingFactor: config.scaling_factor ?? (isXl ? 0.13025 : 0.18215),
    shiftFactor: config.shift_factor ?? 0,
    scale: 2 ** ((config.block_out_channels?.length ?? 4) - 1),
    channels: config.latent_channels ?? 4,
  };
  return checkVaeConfig(vae, path ?? dir);
}

/** The same numbers, if they can be true. Throws MODEL_INVALID. */
export function checkVaeConfig(vae: VaeConfig, path: string): VaeConfig {
  const sound = Object.values(vae).every((n) => Number.isFinite(n)) && vae.scalingFactor > 0 && vae.scale <= 64;
  if (!sound || !Number.isInteger(vae.channels) || vae.channels < 1 || vae.channels > 256)
    throw new InputError('MODEL_INVALID', `${path} has numbers that no VAE has: ${JSON.stringify(vae)}.`);
  return vae;
}

async function fromHub(name: string, options: HubOptions): Promise<string> {
  const id = parseHubId(name);
  if (!id)
    throw new InputError(
      'MODEL_NOT_FOUND',
      `There is no checkpoint "${name}". Give a bundled one (${listBundledCheckpoints().join(', ') || 'none here'}), a folder that exists, or the hub id of an ONNX export in diffusers' layout.`,
    );
  return pullCheckpoint(id, options);
}
