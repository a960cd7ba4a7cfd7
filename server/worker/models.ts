// Models that nodes ask for by name, each loaded once. The loaders are handed in: only worker-main.ts loads the engine.
import { LRUCache } from 'lru-cache';
import { InputError } from '../../engine/errors.ts';
import { remember } from '../../engine/memo.ts';
import type { Checkpoint, Clip, ModelKind, NodeModels, OfferedModels } from '../../nodes/node-context.ts';
import { modelHint } from '../model-hint.ts';

interface Download {
  readonly receivedBytes: number;
  readonly totalBytes: number | undefined;
}
type Load<M> = (name: string, options: { signal: AbortSignal; onProgress: (progress: Download) => void }) => Promise<M>;

export interface WorkerModelsOptions {
  readonly offered: OfferedModels;
  readonly loadClip: Load<Clip>;
  readonly loadCheckpoint: Load<Checkpoint>;
}

/** Checkpoints that keep their sessions: one that draws and one that refines. A dropped one that a result still holds makes new ones. */
const MAX_CHECKPOINTS = 2;

/**
 * NodeModels over loaders, which see only what `offered` locates: the name comes from a graph, and a graph may come from a stranger.
 * A load that failed or was interrupted is tried again the next time.
 */
export function createWorkerModels({ offered, loadClip, loadCheckpoint }: WorkerModelsOptions): NodeModels {
  const locate = (kind: ModelKind, name: string): string => {
    const location = typeof name === 'string' ? offered.locate(kind, name) : undefined;
    if (location === undefined) throw notOffered(kind, String(name), offered.names(kind));
    return location;
  };
  const clips = new Map<string, Promise<Clip>>();
  const checkpoints = new LRUCache<string, Promise<Checkpoint>>({
    max: MAX_CHECKPOINTS,
    dispose: (dropped, _, reason) => {
      if (reason === 'evict') void dropped.then((checkpoint) => checkpoint.release()).catch(() => undefined);
    },
  });
  return {
    clip: async (name, options) => {
      const path = locate('clip', name);
      return remember(clips, path, () => loadClip(path, reporting(options)));
    },
    checkpoint: async (name, options) => {
      const path = locate('checkpoint', name);
      return remember(checkpoints, path, () => loadCheckpoint(path, reporting(options)));
    },
    loraPath: (name) => locate('lora', name),
  };
}

/** A node's options as a loader takes them: progress is reported once the size is known. */
const reporting = ({ signal, onProgress }: Parameters<NodeModels['clip']>[1]) => ({
  signal,
  onProgress: ({ receivedBytes, totalBytes }: Download) => {
    if (totalBytes) onProgress?.(receivedBytes, totalBytes);
  },
});

const WORDS: Readonly<Record<ModelKind, string>> = {
  checkpoint: 'checkpoint',
  clip: 'CLIP',
  clip_vision: 'CLIP Vision model',
  lora: 'LoRA',
  unet: 'diffusion model',
  vae: 'VAE',
};
/** Names in a message are cut off here. */
const MAX_NAME = 200;
const MAX_LISTED = 20;

/** What is wrong with the name, and what whoever runs the server can do. */
function notOffered(kind: ModelKind, given: string, names: readonly string[]): InputError {
  const name = given.length > MAX_NAME ? `${given.slice(0, MAX_NAME)}…` : given;
  const listed = `${names.slice(0, MAX_LISTED).join(', ') || 'none'}${names.length > MAX_LISTED ? ', …' : ''}`;
  return new InputError(
    'MODEL_NOT_FOUND',
    `The graph names the ${WORDS[kind]} "${name}", which this server does not offer; it offers ${listed}. ${modelHint(kind, given)}`,
  );
}
