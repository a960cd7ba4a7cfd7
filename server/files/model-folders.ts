// Folders that hold models (the data folder's, --models-dir, ComfyUI's) → for each kind the folders in which a name is looked up.
import { readdirSync, statSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { invalid } from '../../engine/check.ts';
import type { ModelPlaces } from '../model-places.ts';
import { readExtraModelPaths } from './extra-model-paths.ts';

export interface ModelPlacesOptions {
  /** Folders laid out like ComfyUI's models/. */
  readonly modelsDirs?: readonly string[];
  /** A ComfyUI installation: its models/ and its extra_model_paths.yaml. */
  readonly comfyui?: string;
}

/** Kind → its folders in models/, as ComfyUI has them. Clients ask for these by name. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  checkpoints: ['checkpoints'],
  configs: ['configs'],
  loras: ['loras'],
  vae: ['vae'],
  text_encoders: ['text_encoders', 'clip'],
  diffusion_models: ['unet', 'diffusion_models'],
  clip_vision: ['clip_vision'],
  style_models: ['style_models'],
  embeddings: ['embeddings'],
  diffusers: ['diffusers'],
  vae_approx: ['vae_approx'],
  controlnet: ['controlnet', 't2i_adapter'],
  gligen: ['gligen'],
  upscale_models: ['upscale_models'],
  latent_upscale_models: ['latent_upscale_models'],
  custom_nodes: ['custom_nodes'],
  hypernetworks: ['hypernetworks'],
  photomaker: ['photomaker'],
  classifiers: ['classifiers'],
  model_patches: ['model_patches'],
  audio_encoders: ['audio_encoders'],
};

/** Older names of kinds, which clients and extra_model_paths.yaml still use. */
const OLDER_NAMES: Readonly<Record<string, string>> = { clip: 'text_encoders', unet: 'diffusion_models' };

/** The kind that an older name stands for. */
export const currentKind = (kind: string): string => (Object.hasOwn(OLDER_NAMES, kind) ? OLDER_NAMES[kind] : kind);

/**
 * Looks where models lie; `own`: the models/ of a data folder, which goes before the others. Nothing is listed yet.
 * Throws OPTION_INVALID: a folder that is not there or cannot be read, or an extra_model_paths.yaml with a mistake, with its line.
 */
export function findModelPlaces(
  { modelsDirs = [], comfyui }: ModelPlacesOptions,
  own: readonly string[] = [],
): ModelPlaces {
  for (const dir of modelsDirs) checkReadable('--models-dir', dir);
  const roots = [...own, ...modelsDirs];
  if (comfyui === undefined) return { roots: unique(roots), extra: [] };
  checkReadable('--comfyui', comfyui);
  const extra = readExtraModelPaths(join(comfyui, 'extra_model_paths.yaml'));
  const models = join(comfyui, 'models');
  if (!isFolder(models) && extra.length === 0)
    throw invalid('--comfyui', 'the folder of a ComfyUI, with models or extra_model_paths.yaml in it', comfyui);
  return { roots: unique([...roots, models]), extra };
}

const unique = (dirs: readonly string[]): string[] => [...new Set(dirs.map((dir) => resolve(dir)))];

function checkReadable(flag: string, dir: string): void {
  if (!isFolder(dir)) throw invalid(flag, 'a folder that exists', dir);
  try {
    readdirSync(dir);
  } catch (error) {
    throw invalid(flag, `a folder that this account may read (${(error as NodeJS.ErrnoException).code})`, dir);
  }
}

/** Links to folders count as folders: models are often kept elsewhere. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return false; // a link to itself, or a folder that we may not read
  }
}

/** The folders of a kind (under its name or its older one), whether they exist or not; defaults of extra_model_paths.yaml go first. */
export function foldersOf({ roots, extra }: ModelPlaces, name: string): string[] {
  const kind = currentKind(name);
  const inRoots = roots.flatMap((root) =>
    (Object.hasOwn(FOLDERS, kind) ? FOLDERS[kind] : [kind]).map((folder) => join(root, folder)),
  );
  const own = extra.filter((folder) => currentKind(folder.kind) === kind);
  const first = own.filter(({ isDefault }) => isDefault).map(({ dir }) => dir);
  return [...new Set([...first.reverse(), ...inRoots, ...own.map(({ dir }) => dir)])];
}

/** Kinds in ComfyUI's order, then the other folders that there are. */
export function modelKinds({ roots, extra }: ModelPlaces): string[] {
  const there = roots.flatMap((root) => foldersIn(root));
  return [...new Set([...Object.keys(FOLDERS), ...[...there, ...extra.map(({ kind }) => kind)].sort()])];
}

/** Is it one of `modelKinds`, or an older name of one that there is a folder of? */
export const hasKind = ({ roots, extra }: ModelPlaces, name: string): boolean =>
  Object.hasOwn(FOLDERS, name) ||
  extra.some(({ kind }) => kind === name) ||
  (PLAIN_NAME.test(name) && roots.some((root) => isFolder(join(root, name))));

/** Leads nowhere else, and is not hidden. */
const PLAIN_NAME = /^[^./\\\0][^/\\\0]*$/;

/** Names of the visible folders in a folder; `[]` if there is none. */
function foldersIn(dir: string): string[] {
  try {
    return readdirSync(dir).filter((name) => !name.startsWith('.') && isFolder(join(dir, name)));
  } catch {
    return [];
  }
}

/** Whether an absolute path lies in a folder, by its name: links are not resolved. */
export function isInFolder(folder: string, path: string): boolean {
  const inside = relative(folder, path);
  return inside !== '' && !/^\.\.(?:[/\\]|$)/.test(inside) && !isAbsolute(inside);
}
