// Models that nodes ask for by name, each loaded once. The loaders are handed in: only worker-main.ts loads the engine.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { remember } from '../../engine/memo.ts';
import type { Checkpoint, Clip, NodeModels } from '../../nodes/node-context.ts';

interface Download {
  readonly receivedBytes: number;
  readonly totalBytes: number | undefined;
}
type Load<M> = (name: string, options: { signal: AbortSignal; onProgress: (progress: Download) => void }) => Promise<M>;

export interface WorkerModelsOptions {
  readonly modelsDir: string;
  readonly loadClip: Load<Clip>;
  readonly loadCheckpoint: Load<Checkpoint>;
}

/** Checkpoints that keep their sessions: one that draws and one that refines. A dropped one that a result still holds makes new ones. */
const MAX_CHECKPOINTS = 2;

/**
 * NodeModels over loaders. A name is a folder of models/clip or models/checkpoints, or what the loader knows: a bundled model, a path, a hub
 * id. A load that failed or was interrupted is tried again the next time.
 */
export function createWorkerModels({ modelsDir, loadClip, loadCheckpoint }: WorkerModelsOptions): NodeModels {
  const locate = (kind: string, name: string): string => {
    if (name === '' || /[/\\]/.test(name) || name.startsWith('.')) return name;
    const folder = join(modelsDir, kind, name);
    return existsSync(folder) ? folder : name;
  };
  const clips = new Map<string, Promise<Clip>>();
  const checkpoints = new LRUCache<string, Promise<Checkpoint>>({
    max: MAX_CHECKPOINTS,
    dispose: (dropped, _, reason) => {
      if (reason === 'evict') void dropped.then((checkpoint) => checkpoint.release()).catch(() => undefined);
    },
  });
  return {
    clip: (name, options) => {
      const path = locate('clip', name);
      return remember(clips, path, () => loadClip(path, reporting(options)));
    },
    checkpoint: (name, options) => {
      const path = locate('checkpoints', name);
      return remember(checkpoints, path, () => loadCheckpoint(path, reporting(options)));
    },
  };
}

/** A node's options as a loader takes them: progress is reported once the size is known. */
const reporting = ({ signal, onProgress }: Parameters<NodeModels['clip']>[1]) => ({
  signal,
  onProgress: ({ receivedBytes, totalBytes }: Download) => {
    if (totalBytes) onProgress?.(receivedBytes, totalBytes);
  },
});
