// What combos offer: the pictures of the input folder, and the CLIP models and checkpoints that are available.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { lookup } from 'mime-types';
import type { ChoiceSources, OfferedModels } from '../../nodes/node-context.ts';
import type { DataFolders } from './data-folders.ts';

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

/** Choices from the data folders, which are read at every call. */
export function createChoiceSources({ input }: Pick<DataFolders, 'input'>, models: OfferedModels): ChoiceSources {
  return {
    // Top level only, as in ComfyUI's LoadImage. Files in subfolders are not offered, but can be named.
    inputImages: () => filesIn(input).filter((name) => String(lookup(name)).startsWith('image/')),
    clips: () => models.names('clip'),
    checkpoints: () => models.names('checkpoint'),
    offersModel: (kind, name) => models.locate(kind, name) !== undefined,
  };
}
