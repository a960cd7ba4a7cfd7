// The models that a server offers: what loaders list, what validation accepts and what the worker loads, by one list.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseHubId } from '../../engine/hub-id.ts';
import type { ModelKind, OfferedModels } from '../../nodes/node-context.ts';
import { isWeightsFile } from '../model-hint.ts';
import type { ModelPlaces } from '../model-places.ts';
import { createFolderReader, type FolderReader, type FolderTree } from './folder-tree.ts';
import { foldersOf } from './model-folders.ts';

export interface ModelOptions {
  readonly places: ModelPlaces;
  /** The one that loaders offer first (`--clip`, `--checkpoint`): a bundled name, a path, a hub id, or a name from the list. */
  readonly first: Readonly<Partial<Record<ModelKind, string>>>;
  /** Names of the models that come with packs. */
  readonly bundled: Readonly<Partial<Record<ModelKind, readonly string[]>>>;
  /** May graphs name models of the hub? */
  readonly allowHub?: boolean;
}

/** Where a kind's models lie, under ComfyUI's name of the folder, and which sub-folders are models. Files are .safetensors. */
const KINDS: Readonly<Record<ModelKind, { readonly folder: string; foldersOf?(tree: FolderTree): readonly string[] }>> =
  {
    checkpoint: { folder: 'checkpoints', foldersOf: checkpointFolders },
    clip: { folder: 'text_encoders', foldersOf: clipFolders },
    lora: { folder: 'loras' },
    vae: { folder: 'vae' },
    clip_vision: { folder: 'clip_vision' },
    unet: { folder: 'diffusion_models' },
  };

/** ComfyUI's folder (or its older name) → the kind that loaders take from it. */
export const kindOfFolder: ReadonlyMap<string, ModelKind> = new Map([
  ...Object.entries(KINDS).map(([kind, { folder }]) => [folder, kind as ModelKind] as const),
  ['clip', 'clip'],
  ['unet', 'unet'],
]);

/** Kinds whose loaders take ids of the hub. */
const ON_HUB: readonly ModelKind[] = ['checkpoint', 'clip', 'clip_vision'];

/** A pickle is not offered: it can run code. */
export const isModelFile = (name: string): boolean => /\.safetensors$/i.test(name);

/** Its files are parts of one model, as diffusers saves it. */
const INDEX = 'model_index.json';
const CLIP_CONFIG = 'config.json';

/** The models of these options. Folders are looked at at every call, and read if they have changed. */
export const createOfferedModels = (options: ModelOptions): OfferedModels => new FolderModels(options);

class FolderModels implements OfferedModels {
  readonly #options: ModelOptions;
  readonly #reader: FolderReader = createFolderReader();
  readonly #known = new Map<ModelKind, { readonly trees: readonly FolderTree[]; readonly models: Offered }>();

  constructor(options: ModelOptions) {
    this.#options = options;
  }

  names(kind: ModelKind): readonly string[] {
    return this.#offered(kind).names;
  }

  located(kind: ModelKind): ReadonlyMap<string, string> {
    return this.#offered(kind).paths;
  }

  locate(kind: ModelKind, name: string): string | undefined {
    const { paths } = this.#offered(kind);
    // ComfyUI on Windows writes sub-folders with a backslash.
    const found = paths.get(name) ?? paths.get(name.replaceAll('\\', '/'));
    const mayBeOfHub = this.#options.allowHub && ON_HUB.includes(kind) && isOnlyHubId(name);
    return found ?? (mayBeOfHub ? name : undefined);
  }

  #offered(kind: ModelKind): Offered {
    const { places, first, bundled } = this.#options;
    const folders = foldersOf(places, KINDS[kind].folder);
    const trees = folders.map((folder) => this.#reader.read(folder));
    const known = this.#known.get(kind);
    if (known && trees.every((tree, i) => tree === known.trees[i])) return known.models;
    const chosen = first[kind];
    const models = collect({
      named: [...(chosen === undefined ? [] : [chosen]), ...(bundled[kind] ?? [])],
      own: trees.map((tree, i) => ({ folder: folders[i], names: modelsIn(tree, kind) })),
    });
    this.#known.set(kind, { trees, models });
    return models;
  }
}

interface Offered {
  readonly names: readonly string[];
  /** Name → what the loader takes: a path, or the name itself. */
  readonly paths: ReadonlyMap<string, string>;
}

/** The named ones first, then those of all folders together, sorted; a model in a folder goes before a named one, and before one in a later folder. */
function collect({
  named,
  own,
}: {
  named: readonly string[];
  own: readonly { readonly folder: string; readonly names: readonly string[] }[];
}): Offered {
  const found = new Map<string, string>();
  for (const { folder, names } of own)
    for (const name of names) if (!found.has(name)) found.set(name, join(folder, name));
  const paths = new Map(named.map((name) => [name, name]));
  for (const name of [...found.keys()].sort()) paths.set(name, found.get(name)!);
  return { names: [...paths.keys()], paths };
}

function modelsIn(tree: FolderTree, kind: ModelKind): string[] {
  const files = tree.files.filter(isModelFile);
  const folders = KINDS[kind].foldersOf?.(tree) ?? [];
  if (kind !== 'checkpoint') return [...folders, ...files];
  const parts = new Set(folders);
  return [...folders, ...files.filter((file) => !foldersAbove(file).some((folder) => parts.has(folder)))];
}

/** Folders with an index of parts, at any depth. */
function checkpointFolders({ files }: FolderTree): string[] {
  return files.filter((file) => file.endsWith(`/${INDEX}`)).map((file) => file.slice(0, -INDEX.length - 1));
}

/** Folders with a config, at any depth, and at the top those that neither hold such folders nor files that are models. */
function clipFolders({ files, folders }: FolderTree): string[] {
  const configs = files.filter((file) => file.endsWith(`/${CLIP_CONFIG}`));
  const configured = new Set(configs.map((file) => file.slice(0, -CLIP_CONFIG.length - 1)));
  const outermost = [...configured].filter((folder) => !foldersAbove(folder).some((above) => configured.has(above)));
  const occupied = new Set([...configs, ...files.filter(isModelFile)].flatMap(foldersAbove));
  return [...outermost, ...folders.filter((folder) => !folder.includes('/') && !occupied.has(folder))];
}

/** `a/b/c` → `a/b`, `a`. */
function foldersAbove(name: string): string[] {
  const end = name.lastIndexOf('/');
  return end < 0 ? [] : [name.slice(0, end), ...foldersAbove(name.slice(0, end))];
}

/** Is it a hub id that a loader cannot take for a folder? `input/x` has the form of one. */
const isOnlyHubId = (name: string): boolean =>
  parseHubId(name) !== undefined && !isWeightsFile(name) && !existsSync(resolve(name));
