// Models that nodes ask for by name, each loaded once. The loaders are handed in: only worker-main.ts loads the engine.
import { isAbsolute, resolve } from 'node:path';
import { LRUCache } from 'lru-cache';
import { InputError } from '../../engine/errors.ts';
import { remember } from '../../engine/memo.ts';
import type {
  Checkpoint,
  Clip,
  DiffusionModel,
  ModelKind,
  NodeModels,
  OfferedModels,
  PromptModel,
  Vae,
  VisionTower,
} from '../../nodes/node-context.ts';
import { isWeightsFile, modelHint } from '../model-hint.ts';

interface Download {
  readonly receivedBytes: number;
  readonly totalBytes: number | undefined;
}
type Load<M> = (name: string, options: { signal: AbortSignal; onProgress: (progress: Download) => void }) => Promise<M>;

export interface WorkerModelsOptions {
  readonly offered: OfferedModels;
  readonly loadClip: Load<Clip>;
  readonly loadCheckpoint: Load<Checkpoint>;
  readonly loadVisionTower: Load<VisionTower>;
  /** These take paths, and read only headers. */
  readonly loadDiffusionModel: (path: string) => DiffusionModel;
  readonly loadVae: (path: string) => Vae;
  readonly loadPromptModel: (paths: readonly string[], type: string) => PromptModel;
}

/** Models of a kind that keep their sessions: one that draws and one that refines. A dropped one that a result still holds makes new ones. */
const MAX_KEPT = 2;

/**
 * NodeModels over loaders, which see only what `offered` locates: the name comes from a graph, and a graph may come from a stranger.
 * A load that failed or was interrupted is tried again the next time.
 */
export function createWorkerModels({ offered, ...load }: WorkerModelsOptions): NodeModels {
  const locate = (kind: ModelKind, name: string): string => {
    const location = typeof name === 'string' ? offered.locate(kind, name) : undefined;
    if (location === undefined) throw notOffered(kind, String(name), offered.names(kind));
    return location;
  };
  const clips = new Map<string, Promise<Clip>>();
  const visionTowers = new Map<string, Promise<VisionTower>>();
  const checkpoints = keepSome<Checkpoint>((checkpoint) => [checkpoint]);
  const diffusionModels = keepSome<DiffusionModel>(({ unet }) => [unet.model]);
  const vaes = keepSome<Vae>(({ decoder, encoder }) => [decoder, encoder]);
  const promptModels = keepSome<PromptModel>(({ encoders }) => encoders.map(({ model }) => model));
  return {
    clip: async (name, options) => {
      const path = locate('clip', name);
      return remember(clips, path, () => load.loadClip(path, reporting(options)));
    },
    checkpoint: async (name, options) => {
      const path = locate('checkpoint', name);
      return remember(checkpoints, path, () => load.loadCheckpoint(path, reporting(options)));
    },
    clipVision: async (name, options) => {
      const path = locate('clip_vision', name);
      return remember(visionTowers, path, () => load.loadVisionTower(path, reporting(options)));
    },
    diffusionModel: async (name) => {
      const path = locate('unet', name);
      return remember(diffusionModels, path, async () => load.loadDiffusionModel(path));
    },
    vae: async (name) => {
      const path = locate('vae', name);
      return remember(vaes, path, async () => load.loadVae(path));
    },
    textEncoders: async (names, type) => {
      const paths = names.map((name) => onDisk(locate('clip', name)));
      return remember(promptModels, [type, ...paths].join('\0'), async () => load.loadPromptModel(paths, type));
    },
    loraPath: (name) => locate('lora', name),
  };
}

interface Session {
  release(): Promise<void>;
}

/** Of those that were used longest ago, the sessions are freed. */
const keepSome = <M extends object>(sessionsOf: (model: M) => readonly Session[]): LRUCache<string, Promise<M>> =>
  new LRUCache({
    max: MAX_KEPT,
    dispose: (dropped, _, reason) => {
      if (reason === 'evict')
        void dropped
          .then(async (model) => {
            for (const session of sessionsOf(model)) await session.release();
          })
          .catch(() => undefined);
    },
  });

/** A path; a bundled name or a hub id has no files that could be taken for a checkpoint's text encoder. */
function onDisk(location: string): string {
  if (isAbsolute(location) || isWeightsFile(location)) return resolve(location);
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `The CLIP ${location} is no file or folder of the model folders: its texts tell no U-Net what to draw.`,
  );
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
