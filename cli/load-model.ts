// Model options of a command → a loaded CLIP, its download shown on stderr.
import type { Clip } from '../engine/clip/clip.ts';
import { type FolderOptions, locateModel } from './model-folders.ts';
import type { ModelOptions } from './options.ts';
import { showDownloads } from './progress.ts';

/** Loads the model; the engine is imported here, so that `--help` need not wait for it. */
export async function loadModel(
  { clip, clipVision, dtype, device, ...folders }: ModelOptions & FolderOptions,
  signal?: AbortSignal,
): Promise<Clip> {
  const name = await locateModel('clip', clip, folders);
  const vision = clipVision === undefined ? undefined : await locateModel('clip_vision', clipVision, folders);
  const { loadClip } = await import('../engine/clip/clip.ts');
  const view = showDownloads();
  try {
    return await loadClip(name, { vision, dtype, device, signal, ...view.listeners });
  } finally {
    view.stop();
  }
}
