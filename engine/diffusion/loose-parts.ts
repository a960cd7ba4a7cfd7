// Parts of checkpoints that lie in files of their own → MODEL, CLIP and VAE: for ComfyUI's UNETLoader, CLIPLoader, DualCLIPLoader, VAELoader.
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type DiffusionBase, modelKindOf } from '../architectures/model-kind.ts';
import { oneOf } from '../check.ts';
import { hasTokenizer, loadClipTokenizer } from '../clip/clip-tokenizer.ts';
import { InputError } from '../errors.ts';
import { weightsInFolder } from '../hub/find-weights.ts';
import { readJson } from '../hub/read-json.ts';
import { once } from '../memo.ts';
import { checkDevice } from '../onnx/device.ts';
import { openWeights } from '../safetensors/weights.ts';
import type { DiffusionModel } from './checkpoint.ts';
import { configsIn, encoderParts, fileLevels } from './file-checkpoint.ts';
import { checkPrediction } from './noise-levels.ts';
import { type ModelSource, makeOnnxModel, type OnnxModel, type OnnxModelOptions } from './onnx-model.ts';
import { makePromptModel, type PromptModel } from './prompt-model.ts';
import { makeUnet } from './unet.ts';
import { makeVae, type Vae } from './vae.ts';
import { type PartConfigs, type TextPart, textPart, unetPart, vaeParts } from './weight-parts.ts';

export interface LoosePartOptions extends OnnxModelOptions {
  /** cpu (the default), webgpu, cuda, coreml or dml. */
  readonly device?: string;
}

/** Parts on the device and with the cache that the options name. */
function makerOf({ device, cacheDir }: LoosePartOptions): (source: ModelSource) => OnnxModel {
  const checked = checkDevice(device ?? 'cpu');
  return (source) => makeOnnxModel(source, checked, { cacheDir });
}

/**
 * A VAE from a .safetensors file: of its own, or in a checkpoint. A config.json beside a file of diffusers counts. Throws MODEL_NOT_FOUND,
 * MODEL_INVALID, MODEL_UNSUPPORTED, OPTION_INVALID.
 */
export function loadVae(path: string, options: LoosePartOptions = {}): Vae {
  const make = makerOf(options);
  const weights = openWeights(path);
  const kind = modelKindOf(weights);
  const json = configsIn(weights).vae ?? configBeside(path);
  const found = kind.supported ? vaeParts(weights, { json, isXl: kind.base === 'sdxl' }) : undefined;
  if (!found) throw notA('VAE', path, kind.label);
  return makeVae(found.config, make(found.decoder), make(found.encoder));
}

export interface DiffusionModelOptions extends LoosePartOptions {
  /** What the U-Net's output means, where the file does not say it or says it wrongly: epsilon, v_prediction or sample. */
  readonly prediction?: string;
}

/** A U-Net from a .safetensors file: of its own, in the original's or diffusers' names, or in a checkpoint. Throws the same. */
export function loadDiffusionModel(path: string, options: DiffusionModelOptions = {}): DiffusionModel {
  const make = makerOf(options);
  const { prediction } = options;
  checkPrediction(prediction);
  const weights = openWeights(path);
  const kind = modelKindOf(weights);
  const part = kind.parts.find((p) => p.part === 'unet');
  if (!kind.supported || !part) throw notA('U-Net', path, kind.label);
  const configs = configsIn(weights);
  const unet = unetPart(weights, part, configs.unet ?? (part.layout === 'diffusers' ? configBeside(path) : undefined));
  const isXl = kind.base === 'sdxl' || kind.base === 'sdxl_refiner';
  return {
    name: basename(path),
    unet: makeUnet(make(unet)),
    levels: fileLevels(path, kind, prediction),
    vae: {
      scalingFactor: configs.vae?.scaling_factor ?? (isXl ? 0.13025 : 0.18215),
      shiftFactor: configs.vae?.shift_factor ?? 0,
      scale: 8,
      channels: unet.channels,
    },
  };
}

/** Of ComfyUI's types, those of models that run here. `stable_diffusion` covers 1 and 2: the file tells which. */
export const promptModelTypes = ['stable_diffusion', 'sdxl'] as const;

export interface PromptModelOptions extends LoosePartOptions {
  /** ComfyUI's type of a text encoder; default: by the number of files. */
  readonly type?: string;
}

/**
 * The text encoder of a checkpoint from its own .safetensors files or folders of transformers: one, or for SD XL two in any order. A file comes
 * without a tokenizer and takes CLIP's; a folder's own counts. Throws the same.
 */
export function loadPromptModel(paths: readonly string[], options: PromptModelOptions = {}): PromptModel {
  const make = makerOf(options);
  if (options.type !== undefined) oneOf('type', options.type, promptModelTypes);
  const towers = paths.map((path, i) => towerOf(path, i)).sort((a, b) => a.part.width - b.part.width);
  if (towers.length < 1 || towers.length > 2)
    throw new InputError(
      'OPTION_INVALID',
      `A prompt takes one text encoder or, for SD XL, two; ${towers.length} were given.`,
    );
  const parts = encoderParts(
    towers.map(({ part }) => part),
    baseOf(towers.map(({ part }) => part)),
  );
  const encoders = parts.map(({ source, tokenizer, layer }, i) => ({
    model: make(source),
    tokenizer: once(towers[i].tokenizer ?? tokenizer),
    layer,
  }));
  return makePromptModel(paths.map((path) => basename(path)).join(' + '), encoders);
}

/** What ComfyUI takes a single encoder for: bigG for that of SD XL's refiner, H for that of SD 2, any other for that of SD 1. */
function baseOf([first, second]: readonly TextPart[]): DiffusionBase {
  if (second) return 'sdxl';
  if (first.width === 1280) return 'sdxl_refiner';
  return first.width === 1024 ? 'sd2' : 'sd1';
}

function towerOf(path: string, i: number) {
  const folder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ? path : undefined;
  const file = folder === undefined ? path : fileIn(folder);
  const weights = openWeights(file);
  const kind = modelKindOf(weights);
  const found = kind.parts.find((p) => p.part === 'text_encoder');
  if (!kind.supported || !found) throw notA('CLIP text encoder', file, kind.label);
  const config = configsIn(weights).text_encoder ?? textConfig(folder);
  return {
    part: textPart(weights, found, { name: i === 0 ? 'text_encoder' : `text_encoder_${i + 1}`, config }),
    tokenizer: folder !== undefined && hasTokenizer(folder) ? () => loadClipTokenizer(folder) : undefined,
  };
}

function fileIn(folder: string): string {
  const found = weightsInFolder(folder);
  if (found !== undefined) return found;
  throw new InputError('MODEL_NOT_FOUND', `The folder ${folder} holds no weights; model.safetensors is expected.`);
}

type TowerConfig = PartConfigs['text_encoder'];

/** Of a tower that was saved alone, or of a whole CLIP. */
function textConfig(folder: string | undefined): TowerConfig {
  const path = folder === undefined ? undefined : join(folder, 'config.json');
  if (path === undefined || !existsSync(path)) return;
  const config = readJson<TowerConfig & { readonly text_config?: TowerConfig }>(path);
  return config?.text_config ?? config;
}

/** diffusers saves each part with its configuration; other files may lie beside anything. */
function configBeside(path: string): Record<string, never> | undefined {
  const config = join(dirname(path), 'config.json');
  return basename(path).startsWith('diffusion_pytorch_model') && existsSync(config) ? readJson(config) : undefined;
}

const notA = (what: string, path: string, label: string): InputError =>
  new InputError('MODEL_UNSUPPORTED', `${path} holds no ${what} that can be used. It is: ${label}.`);
