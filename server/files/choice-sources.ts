// What combos offer: the pictures of the input folder, the CLIP models and checkpoints at hand.
import { existsSync, readdirSync, statSync } from 'node:fs';
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

/** Models by kind: the one that loaders offer first, and those that come with the packs (`kind` in their manifests). */
export interface ChoiceOptions {
  readonly folders: DataFolders;
  readonly clip: string;
  readonly bundledClips: readonly string[];
  /** Without it the first bundled one comes first. */
  readonly checkpoint?: string;
  readonly bundledCheckpoints?: readonly string[];
}

/** Sources over the data folders, read anew at every call. */
export function createChoiceSources({
  folders,
  clip,
  bundledClips,
  checkpoint,
  bundledCheckpoints = [],
}: ChoiceOptions): ChoiceSources {
  const checkpointDir = join(folders.models, 'checkpoints');
  // Folders of safetensors files lie there too, as ComfyUI's users have them.
  const isCheckpoint = (name: string) => existsSync(join(checkpointDir, name, 'model_index.json'));
  return {
    // Top level only, as ComfyUI's LoadImage; files in sub-folders can be named all the same.
    inputImages: () => namesIn(folders.input, 'file').filter((name) => String(lookup(name)).startsWith('image/')),
    clips: () => [...new Set([clip, ...bundledClips, ...namesIn(join(folders.models, 'clip'), 'folder')])],
    checkpoints: () => [
      ...new Set([
        ...(checkpoint ? [checkpoint] : []),
        ...bundledCheckpoints,
        ...namesIn(checkpointDir, 'folder').filter(isCheckpoint),
      ]),
    ],
  };
}
