// Name of a model (bundled, folder, hub id) → its folder and the files of its towers.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { InputError } from '../errors.ts';
import { parseHubId } from '../hub-id.ts';
import { bundledRoot, listBundled } from './bundled.ts';
import { layoutOf } from './clip-layouts/all.ts';
import type { ClipLayout } from './clip-layouts/layout.ts';
import { transformersJs } from './clip-layouts/transformers-js.ts';
import { pullModel } from './fetch-model.ts';
import { weightsFile, weightsInFolder } from './find-weights.ts';
import type { HubOptions } from './pull-folder.ts';
import { checkDtype, type Dtype, findVariant, type Tower } from './variant.ts';

export interface StoreOptions extends HubOptions {
  /** Precision of the weights (`dtypes`); the next one if there is none of it; by default the most precise that is on this machine or, if none is, on the hub. */
  dtype?: string;
}

/** A CLIP is two ONNX files, or weights that a graph is built over. */
export type ModelFiles = OnnxFiles | WeightFiles;

export interface WeightFiles {
  readonly name: string;
  readonly dir: string;
  /** The .safetensors file, or the index of its shards. */
  readonly weightsPath: string;
}

export interface OnnxFiles {
  readonly name: string;
  readonly dir: string;
  /** How the folder is laid out. */
  readonly layout: ClipLayout;
  readonly textModelPath: string;
  /** May not exist: a model can do without images. */
  readonly visionModelPath: string;
}

/**
 * Finds a model, downloading it if its name is a hub id that is not cached. Throws MODEL_NOT_FOUND, MODEL_UNSUPPORTED
 * (no text tower), DOWNLOAD_FAILED, OPTION_INVALID (unknown variant).
 */
export async function findModel(name: string, options: StoreOptions = {}): Promise<ModelFiles> {
  const dtype = checkDtype(options.dtype);
  const file = weightsFile(name);
  if (file) return { name, dir: dirname(file), weightsPath: file };
  const dir = localFolder(name) ?? (await fromHub(name, { ...options, dtype, onNote: undefined }));
  const layout = layoutOf(dir);
  if (!layout) {
    const weightsPath = weightsInFolder(dir, dtype);
    if (weightsPath) return { name, dir, weightsPath };
    throw withoutTextTower(dir, transformersJs.towerFile('text', dtype ?? 'fp32'));
  }
  const find = (tower: Tower) => findTower(tower, { name, dir, layout, dtype, onNote: options.onNote });
  const textModelPath = find('text')!; // that is how its layout was known
  const visionModelPath = find('vision') ?? join(dir, layout.towerFile('vision', 'fp32'));
  return { name, dir, layout, textModelPath, visionModelPath };
}

interface Wanted {
  readonly name: string;
  readonly dir: string;
  readonly layout: ClipLayout;
  readonly dtype: Dtype | undefined;
  readonly onNote: HubOptions['onNote'];
}

/** Path of a tower in the precision asked for, or in the next one, which is said. */
function findTower(tower: Tower, { name, dir, layout, dtype, onNote }: Wanted): string | undefined {
  const found = findVariant(dir, (d) => layout.towerFile(tower, d), dtype);
  if (found && dtype && found.dtype !== dtype)
    onNote?.(`${name} has no ${layout.towerFile(tower, dtype)}: ${layout.towerFile(tower, found.dtype)} is used.`);
  return found?.path;
}

/** A bundled model's folder or a folder on disk; undefined if the name can only be a hub id. */
export function localFolder(name: string, bundled: readonly string[] = listBundled()): string | undefined {
  if (bundled.includes(name)) return join(bundledRoot(), name);
  const path = resolve(name.replace(/^~(?=$|[/\\])/, homedir()));
  if (name !== '' && existsSync(path)) {
    if (statSync(path).isDirectory()) return path;
    throw new InputError('MODEL_NOT_FOUND', `${name} is a file; give the folder that holds the model.`);
  }
  return undefined;
}

/** Is it the name of a bundled model, a .safetensors file or a folder that exists, or a hub id? Throws MODEL_NOT_FOUND if it is another file. */
export const mayBeModel = (name: string): boolean =>
  weightsFile(name) !== undefined || localFolder(name) !== undefined || parseHubId(name) !== undefined;

async function fromHub(name: string, options: HubOptions): Promise<string> {
  const id = parseHubId(name);
  if (id) return pullModel(id, options);
  throw new InputError(
    'MODEL_NOT_FOUND',
    `There is no model "${name}". Give a bundled one (${listBundled().join(', ') || 'none here'}), a folder that exists, or a hub id such as Xenova/clip-vit-base-patch32.`,
  );
}

function withoutTextTower(dir: string, file: string): InputError {
  const towers = existsSync(join(dir, 'onnx')) ? readdirSync(join(dir, 'onnx')).filter((f) => f.endsWith('.onnx')) : [];
  const found = towers.length
    ? `it has ${towers.slice(0, 8).join(', ')}`
    : 'it has no ONNX files in onnx/, and no model.safetensors';
  return new InputError('MODEL_UNSUPPORTED', `The model in ${dir} has no text tower ${file}: ${found}.`);
}
