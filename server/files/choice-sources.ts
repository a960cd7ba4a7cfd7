// What combos offer: the pictures of the input folder, and the CLIP models and checkpoints that are available.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { lookup } from 'mime-types';
import type { ChoiceSources } from '../../nodes/node-context.ts';
import type { DataFolders } from './data-folders.ts';

const statOf = (path: string) => statSync(path, { throwIfNoEntry: false });

/** Names of a folder's visible entries, sorted by code unit; `[]` if there is no such folder. */
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
        return false; // a link to itself, or a folder that we may not read
      }
    })
    .sort();
}

/** For each kind of model: the one that loaders offer first, and those that come with packs (`kind` in their manifests). */
export interface ChoiceOptions {
  readonly folders: DataFolders;
  readonly clip: string;
  readonly bundledClips: readonly string[];
  /** Without it the first bundled one comes first. */
  readonly checkpoint?: string;
  readonly bundledCheckpoints?: readonly string[];
}

/** Choices from the data folders, which are read at every call. */
export function createChoiceSources({
  folders,
  clip,
  bundledClips,
  checkpoint,
  bundledCheckpoints = [],
}: ChoiceOptions): ChoiceSources {
  const checkpointDir = join(folders.models, 'checkpoints');
  // ComfyUI's users keep safetensors files there too.
  const isCheckpoint = (name: string) => existsSync(join(checkpointDir, name, 'model_index.json'));
  return {
    // Top level only, as in ComfyUI's LoadImage. Files in subfolders are not offered, but can be named.
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
