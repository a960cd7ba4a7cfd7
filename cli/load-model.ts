// Model options of a command → a loaded CLIP, its download shown on stderr.
import type { Clip } from '../engine/clip/clip.ts';
import type { ModelOptions } from './options.ts';
import { showDownloads } from './progress.ts';

/** Loads the model; the engine is imported here, so that `--help` need not wait for it. */
export async function loadModel({ clip, dtype, device }: ModelOptions, signal?: AbortSignal): Promise<Clip> {
  const { loadClip } = await import('../engine/clip/clip.ts');
  const view = showDownloads();
  try {
    return await loadClip(clip, { dtype, device, signal, onProgress: view.update });
  } finally {
    view.stop();
  }
}
