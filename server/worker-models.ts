// Models that nodes ask for by name, each loaded once. The loader is handed in: only worker.ts may import the engine.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clip, NodeModels } from '../nodes/node-context.ts';

interface Download {
  readonly receivedBytes: number;
  readonly totalBytes: number | undefined;
}
type LoadClip = (
  name: string,
  options: { signal: AbortSignal; onProgress: (progress: Download) => void },
) => Promise<Clip>;

/** Folders of the data folder in which a model may lie that is named by its folder. */
const CLIP_FOLDERS = ['clip', 'text_encoders'];

/**
 * NodeModels over a loader. A name is a folder of models/clip or models/text_encoders, or what the loader knows: a bundled
 * model, a path, a hub id. A load that failed or was interrupted is tried again the next time.
 */
export function createWorkerModels({ modelsDir, loadClip }: { modelsDir: string; loadClip: LoadClip }): NodeModels {
  const clips = new Map<string, Promise<Clip>>();
  const locate = (name: string): string => {
    if (name === '' || /[/\\]/.test(name) || name.startsWith('.')) return name;
    return CLIP_FOLDERS.map((kind) => join(modelsDir, kind, name)).find((dir) => existsSync(dir)) ?? name;
  };
  return {
    clip(name, { signal, onProgress }) {
      const path = locate(name);
      const known = clips.get(path);
      if (known) return known;
      const report = ({ receivedBytes, totalBytes }: Download) => {
        if (totalBytes) onProgress?.(receivedBytes, totalBytes);
      };
      const clip = loadClip(path, { signal, onProgress: report });
      clips.set(path, clip);
      clip.catch(() => clips.delete(path));
      return clip;
    },
  };
}
