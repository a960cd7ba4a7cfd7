// The model folders as clients see them: their names, their models, and the metadata of a safetensors file (protocol: Models).
import { open } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { OfferedModels } from '../../nodes/node-context.ts';
import type { ModelPlaces } from '../model-places.ts';
import { createFolderReader } from './folder-tree.ts';
import { foldersOf, hasKind, isInFolder, modelKinds } from './model-folders.ts';
import { kindOfFolder } from './offered-models.ts';

/** ComfyUI's, and ours. */
export const MODEL_EXTENSIONS = ['.ckpt', '.pt', '.pt2', '.bin', '.pth', '.safetensors', '.pkl', '.sft', '.onnx'];

/** ComfyUI's limits: a header with texts, and one with pictures. */
const MAX_HEADER_BYTES = 2 ** 20;
const MAX_COVER_HEADER_BYTES = 8 * 2 ** 20;

export interface ListedModel {
  readonly name: string;
  /** Undefined for one that lies elsewhere: bundled, of the hub, or named at the start. */
  readonly path: string | undefined;
  /** In which of the folder's places it lies; 0 for one that lies elsewhere. */
  readonly pathIndex: number;
}

/** The models of the model folders, as clients see them: by ComfyUI's folder and a relative name. */
export interface ModelFiles {
  /** Names of the folders: ComfyUI's, then others that there are. */
  folders(): string[];
  /** What a loader's drop-down offers or, of folders without a loader, the files; undefined if there is no such folder. */
  names(folder: string): readonly string[] | undefined;
  /** The same with where each lies. */
  entries(folder: string): readonly ListedModel[] | undefined;
  /** Where a listed model lies; undefined if it is not listed, or lies elsewhere. */
  find(folder: string, name: string): string | undefined;
  /** The places of a folder, whether they exist or not. */
  places(folder: string): string[];
}

/** Folders are looked at at every call. A name is only ever looked up in the list: it leads nowhere else. */
export function createModelFiles(places: ModelPlaces, offered: OfferedModels): ModelFiles {
  const reader = createFolderReader();
  /** Relative name → path, in the first place that has it. */
  const filesOf = (folder: string): ReadonlyMap<string, string> => {
    const found = new Map<string, string>();
    for (const place of foldersOf(places, folder))
      for (const name of reader.read(place).files)
        if (!found.has(name) && MODEL_EXTENSIONS.includes(extname(name).toLowerCase()))
          found.set(name, join(place, name));
    return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  const listed = (folder: string): ReadonlyMap<string, string> | undefined => {
    if (!hasKind(places, folder)) return undefined;
    const kind = kindOfFolder.get(folder);
    return kind === undefined ? filesOf(folder) : offered.located(kind);
  };
  return {
    folders: () => modelKinds(places),
    names: (folder) => {
      const models = listed(folder);
      return models && [...models.keys()];
    },
    entries: (folder) => {
      const folders = foldersOf(places, folder);
      const models = listed(folder);
      return models && [...models].map(([name, path]) => placed(name, path, folders));
    },
    find: (folder, name) => {
      const path = listed(folder)?.get(name);
      return path === undefined ? undefined : placed(name, path, foldersOf(places, folder)).path;
    },
    places: (folder) => foldersOf(places, folder),
  };
}

function placed(name: string, path: string, folders: readonly string[]): ListedModel {
  const index = folders.findIndex((folder) => isInFolder(folder, path));
  return index < 0 ? { name, path: undefined, pathIndex: 0 } : { name, path, pathIndex: index };
}

/** `__metadata__` of a safetensors file: text → text; undefined if it has none, or if its header is not valid. */
export async function safetensorsMetadata(
  path: string,
  maxBytes = MAX_HEADER_BYTES,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const file = await open(path);
  try {
    const length = Buffer.alloc(8);
    if ((await file.read(length, 0, 8, 0)).bytesRead < 8) return undefined;
    const size = length.readBigUInt64LE();
    if (size > maxBytes) return undefined;
    const header = Buffer.alloc(Number(size));
    if ((await file.read(header, 0, header.length, 8)).bytesRead < header.length) return undefined;
    const value = JSON.parse(header.toString('utf8')) as Record<string, unknown> | null;
    const metadata = value && Object.hasOwn(value, '__metadata__') ? value.__metadata__ : undefined;
    return metadata !== null && typeof metadata === 'object' && !Array.isArray(metadata)
      ? (metadata as Record<string, unknown>)
      : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  } finally {
    await file.close();
  }
}

/** The first cover picture inside a safetensors file, in base64: training programs keep them in `ssmd_cover_images`. */
export async function safetensorsCover(path: string): Promise<string | undefined> {
  const covers = (await safetensorsMetadata(path, MAX_COVER_HEADER_BYTES))?.ssmd_cover_images;
  if (typeof covers !== 'string') return undefined;
  try {
    const list: unknown = JSON.parse(covers);
    return Array.isArray(list) && typeof list[0] === 'string' ? list[0] : undefined;
  } catch {
    return undefined;
  }
}
