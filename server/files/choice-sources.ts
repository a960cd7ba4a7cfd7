// What combos offer: the pictures of the input folder, and the models that are available.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { lookup } from 'mime-types';
import type { ChoiceSources, ModelKind, OfferedModels } from '../../nodes/node-context.ts';
import type { DataFolders } from './data-folders.ts';
import { describeKinds, type FileKind, type FileKinds } from './file-kinds.ts';
import { isModelFile } from './offered-models.ts';

/** Names of a folder's visible files, sorted by code unit; `[]` if there is no such folder. */
function filesIn(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => !name.startsWith('.'))
    .filter((name) => {
      try {
        return statSync(join(folder, name), { throwIfNoEntry: false })?.isFile();
      } catch {
        return false; // a link to itself, or a folder that we may not read
      }
    })
    .sort();
}

/** Choices from the data folders and the models, which are looked at at every call. `kinds` tells what is in files. */
export function createChoiceSources(
  { input }: Pick<DataFolders, 'input'>,
  models: OfferedModels,
  kinds?: FileKinds,
): ChoiceSources {
  return {
    // Top level only, as in ComfyUI's LoadImage. Files in subfolders are not offered, but can be named.
    inputImages: () => filesIn(input).filter((name) => String(lookup(name)).startsWith('image/')),
    models: (kind) => models.names(kind),
    clips: () => models.names('clip'),
    checkpoints: () => models.names('checkpoint'),
    describeModels: (kind) => kinds && describeKinds(kindsOfModels(kind, models, kinds)),
    offersModel: (kind, name) => models.locate(kind, name) !== undefined,
  };
}

/** The listed models that are files, with what is known of them by now. */
export function kindsOfModels(
  kind: ModelKind,
  models: OfferedModels,
  kinds: FileKinds,
): { readonly name: string; readonly kind: FileKind }[] {
  return [...models.located(kind)].flatMap(([name, path]) => {
    const known = isModelFile(path) ? kinds.known(path) : undefined;
    return known ? [{ name, kind: known }] : [];
  });
}
