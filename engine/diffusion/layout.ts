// Name of a checkpoint (bundled, folder, hub id) → its files, in the folder layout of diffusers and of optimum's ONNX exports.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../errors.ts';
import { bundledRoot, bundledWith } from '../hub/bundled.ts';
import { INDEX_FILE } from '../hub/cache.ts';
import { type HubOptions, pullFolder } from '../hub/fetch-model.ts';
import { localFolder } from '../hub/model-store.ts';
import { type NeededFile, weightsFile } from '../hub/needed-files.ts';
import { readJson } from '../hub/read-json.ts';
import { checkDtype, type Dtype, dtypes, variantFile } from '../hub/variant.ts';
import { type HubId, parseHubId } from '../hub-id.ts';
import { findPartWeights } from './find-part-weights.ts';
import type { SchedulerConfig } from './noise-levels.ts';

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
  /** Precision of the weights: fp32, fp16 or q8; by default, for each part, the first of these that is on this machine or, if none is, on the hub. */
  readonly dtype?: string;
}

type ModelIndex = Readonly<Record<string, unknown>>;

const SCHEDULER = 'scheduler/scheduler_config.json';

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
    : (localFolder(name, []) ?? (await fromHub(name, options)));
  const index = readIndex(dir);
  const part = (folder: string) => {
    const onnx = findPart(dir, folder, dtype);
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

function readIndex(dir: string): ModelIndex {
  const index = readJson<ModelIndex>(join(dir, INDEX_FILE));
  const foreign = ['text_encoder_3', 'transformer', 'prior', 'unet_2'].find((part) => isPresent(index[part]));
  if (!foreign) return index;
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `The checkpoint in ${dir} has a part "${foreign}"; checkpoints with a U-Net can be used: Stable Diffusion 1, 2, Turbo, XL, LCM.`,
  );
}

/** model_index.json lists parts as [library, class], and absent ones as [null, null]. */
const isPresent = (entry: unknown): boolean => Array.isArray(entry) && entry.some((e) => e !== null);

const encodersOf = (index: ModelIndex): string[] => (isPresent(index.text_encoder_2) ? ['', '_2'] : ['']);

/** The file of a part: the precision asked for, or the first that exists; the plain name if none does. */
function findPart(dir: string, folder: string, dtype: Dtype | undefined): string {
  const paths = (dtype ? [dtype] : dtypes).map((d) => join(dir, variantFile(`${folder}/model`, d)));
  return paths.find((path) => existsSync(path)) ?? paths[0];
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

/** Folder of a hub checkpoint; missing files are downloaded. Throws what `pullFolder` throws, and MODEL_UNSUPPORTED. */
export async function pullCheckpoint(id: HubId, options: HubOptions = {}): Promise<string> {
  const dir = await pullFolder(id, [{ path: INDEX_FILE }], options);
  return pullFolder(id, hubFiles(readIndex(dir), checkDtype(options.dtype)), options);
}

function hubFiles(index: ModelIndex, dtype: Dtype | undefined): NeededFile[] {
  const required = (path: string): NeededFile => ({ path });
  const optional = (path: string): NeededFile => ({ path, optional: true });
  const weights = (part: string) => weightsFile((d) => variantFile(`${part}/model`, d), dtype);
  return [
    required(INDEX_FILE),
    required(SCHEDULER),
    ...encodersOf(index).flatMap((suffix) => [
      optional(`tokenizer${suffix}/tokenizer.json`),
      optional(`tokenizer${suffix}/vocab.json`),
      optional(`tokenizer${suffix}/merges.txt`),
      optional(`tokenizer${suffix}/tokenizer_config.json`),
      weights(`text_encoder${suffix}`),
    ]),
    weights('unet'),
    weights('vae_decoder'),
    { ...weights('vae_encoder'), optional: true },
    optional('vae_decoder/config.json'),
    optional('vae/config.json'),
  ];
}
