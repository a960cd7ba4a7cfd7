// Model options of a command → a loaded CLIP, its download shown on stderr.
import type { Clip } from '../engine/clip/clip.ts';
import { type FolderOptions, locateModel } from './model-folders.ts';
import type { ModelOptions } from './options.ts';
import { showDownloads } from './progress.ts';

/** Loads the model; the engine is imported here, so that `--help` need not wait for it. */
export async function loadModel(
  { clip, dtype, device, ...folders }: ModelOptions & FolderOptions,
  signal?: AbortSignal,
): Promise<Clip> {
  const name = await locateModel('clip', clip, folders);
  const { loadClip } = await import('../engine/clip/clip.ts');
  const view = showDownloads();
  try {
    return await loadClip(name, { dtype, device, signal, ...view.listeners });
  } finally {
    view.stop();
  }
}
