// Models that nodes ask for by name, each loaded once. The loaders are handed in: only worker-main.ts may import the engine.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
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

/** Folders of the data folder in which a model may lie that is named by its folder. */
const CLIP_FOLDERS = ['clip', 'text_encoders'];
const CHECKPOINT_FOLDERS = ['checkpoints'];

/** Checkpoints that keep their sessions: one that draws and one that refines. A dropped one that a result still holds makes new ones. */
const MAX_CHECKPOINTS = 2;

/**
 * NodeModels over loaders. A name is a folder of models/clip, models/text_encoders or models/checkpoints, or what the loader knows: a bundled
 * model, a path, a hub id. A load that failed or was interrupted is tried again the next time.
 */
export function createWorkerModels({ modelsDir, loadClip, loadCheckpoint }: WorkerModelsOptions): NodeModels {
  const locate = (kinds: readonly string[], name: string): string => {
    if (name === '' || /[/\\]/.test(name) || name.startsWith('.')) return name;
    return kinds.map((kind) => join(modelsDir, kind, name)).find((dir) => existsSync(dir)) ?? name;
  };
  const checkpoints = new LRUCache<string, Promise<Checkpoint>>({
    max: MAX_CHECKPOINTS,
    dispose: (dropped, _, reason) => {
      if (reason === 'evict') void dropped.then((checkpoint) => checkpoint.release()).catch(() => undefined);
    },
  });
  return {
    clip: keep({ load: loadClip, known: new Map(), locate: (name) => locate(CLIP_FOLDERS, name) }),
    checkpoint: keep({
      load: loadCheckpoint,
      known: checkpoints,
      locate: (name) => locate(CHECKPOINT_FOLDERS, name),
    }),
  };
}

interface Kept<M> {
  get(path: string): Promise<M> | undefined;
  set(path: string, model: Promise<M>): unknown;
  delete(path: string): unknown;
}

/** A loader that remembers. */
function keep<M>({ load, known, locate }: { load: Load<M>; known: Kept<M>; locate: (name: string) => string }) {
  return (
    name: string,
    { signal, onProgress }: { signal: AbortSignal; onProgress?: (done: number, total: number) => void },
  ): Promise<M> => {
    const path = locate(name);
    const before = known.get(path);
    if (before) return before;
    const report = ({ receivedBytes, totalBytes }: Download) => {
      if (totalBytes) onProgress?.(receivedBytes, totalBytes);
    };
    const model = load(path, { signal, onProgress: report });
    known.set(path, model);
    model.catch(() => known.delete(path));
    return model;
  };
}
