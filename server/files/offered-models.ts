// The models that a server offers: what loaders list, what validation accepts and what the worker loads, by one list.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseHubId } from '../../engine/hub-id.ts';
import type { ModelKind, OfferedModels } from '../../nodes/node-context.ts';

export interface ModelOptions {
  readonly modelsDir: string;
  /** The one that loaders offer first (`--clip`, `--checkpoint`): a bundled name, a folder or a hub id. */
  readonly first: Readonly<Partial<Record<ModelKind, string>>>;
  /** Names of the models that come with packs. */
  readonly bundled: Readonly<Partial<Record<ModelKind, readonly string[]>>>;
  /** May graphs name models of the hub? */
  readonly allowHub?: boolean;
}

/** Folders of models/, by kind. ComfyUI's users keep safetensors files in checkpoints/, too: those are not offered. */
const FOLDERS: Readonly<Record<ModelKind, { readonly name: string; readonly marker?: string }>> = {
  clip: { name: 'clip' },
  checkpoint: { name: 'checkpoints', marker: 'model_index.json' },
};

/** The models of these options. Folders are read at every call. */
export function createOfferedModels({ modelsDir, first, bundled, allowHub = false }: ModelOptions): OfferedModels {
  /** Name → where the loader finds it, in the order of the lists. A folder of models/ goes before a bundled model. */
  const offered = (kind: ModelKind): Map<string, string> => {
    const { name: folder, marker = '' } = FOLDERS[kind];
    const own = foldersIn(join(modelsDir, folder)).filter((name) => existsSync(join(modelsDir, folder, name, marker)));
    const named = [...(first[kind] === undefined ? [] : [first[kind]]), ...(bundled[kind] ?? [])];
    const locations = new Map(named.map((name) => [name, name]));
    for (const name of own) locations.set(name, join(modelsDir, folder, name));
    return locations;
  };
  return {
    names: (kind) => [...offered(kind).keys()],
    locate: (kind, name) => offered(kind).get(name) ?? (allowHub && isOnlyHubId(name) ? name : undefined),
  };
}

/** Is it a hub id that a loader cannot take for a folder? `input/x` has the form of one. */
const isOnlyHubId = (name: string): boolean => parseHubId(name) !== undefined && !existsSync(resolve(name));

/** Names of the visible folders in a folder, sorted by code unit; `[]` if there is no such folder. */
function foldersIn(dir: string): string[] {
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch {
    return [];
  }
  return names.filter((name) => !name.startsWith('.') && isFolder(join(dir, name))).sort();
}

function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return false; // a link to itself, or a folder that we may not read
  }
}
