// What combos offer: the pictures of the input folder, the CLIP models at hand.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { lookup } from 'mime-types';
import type { ChoiceSources } from '../../nodes/node-context.ts';
import type { DataFolders } from './data-folders.ts';

const statOf = (path: string) => statSync(path, { throwIfNoEntry: false });

/** Names of a folder's visible entries, sorted by code unit; `[]` where there is no such folder. */
function namesIn(folder: string, kind: 'file' | 'folder'): string[] {
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
        const entry = statOf(join(folder, name));
        return kind === 'file' ? entry?.isFile() : entry?.isDirectory();
      } catch {
        return false; // a link in circles, a folder that may not be read
      }
    })
    .sort();
}

/**
 * Sources over the data folders, read anew at every call. `clip`: the model that loaders offer first; `bundledClips`: names
 * of the models that come with the packs (kind `clip` in their manifests).
 */
export function createChoiceSources({
  folders,
  clip,
  bundledClips,
}: {
  folders: DataFolders;
  clip: string;
  bundledClips: readonly string[];
}): ChoiceSources {
  return {
    // Top level only, as ComfyUI's LoadImage; files in sub-folders can be named all the same.
    inputImages: () => namesIn(folders.input, 'file').filter((name) => String(lookup(name)).startsWith('image/')),
    clips: () => [...new Set([clip, ...bundledClips, ...namesIn(join(folders.models, 'clip'), 'folder')])],
  };
}
