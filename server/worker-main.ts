// The worker process: holds models and results, runs one prompt at a time, says everything over the IPC channel.
import { loadClip, loadVisionTower } from '../engine/clip/clip.ts';
import { loadCheckpoint } from '../engine/diffusion/checkpoint.ts';
import { loadDiffusionModel, loadPromptModel, loadVae } from '../engine/diffusion/loose-parts.ts';
import { type DownloadPlan, describePlan } from '../engine/hub/pull-folder.ts';
import { createDecoders } from '../engine/image/decoders.ts';
import type { ExecutionEvent } from '../schemas/events.ts';
import { offeredModels } from './environment.ts';
import { createExecutor } from './executor/executor.ts';
import { createChoiceSources } from './files/choice-sources.ts';
import { dataFolders } from './files/data-folders.ts';
import { createNodeFiles } from './files/node-files.ts';
import type { Job } from './job.ts';
import { halfOfMemory } from './options.ts';
import { createRegistry, loadPacks } from './packs/packs.ts';
import { isInterruptFlagUp } from './worker/interrupt-flag.ts';
import { yieldToMemoryPressure } from './worker/memory-pressure.ts';
import { createWorkerModels } from './worker/models.ts';
import { guardAgainstOrphaning } from './worker/orphan-guard.ts';
import { createOutbox } from './worker/outbox.ts';
import { pack, type ToWorker, type WorkerOptions } from './worker/protocol.ts';

/** Previews and lines of text that may wait in the channel; further ones are dropped while the server is slow. */
const MAX_WAITING_PREVIEWS = 2;

// Ctrl-C and service managers signal the whole group; what becomes of the worker is the server's to say.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
guardAgainstOrphaning();
yieldToMemoryPressure();
const options: WorkerOptions = JSON.parse(process.argv[2]);

const outbox = createOutbox((messages, sent = () => undefined) => {
  if (process.connected) process.send!(pack(messages), undefined, undefined, sent);
});

/** An uncaught exception leaves the process in an unknown state: report it and end. */
function die(thrown: unknown): void {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const end = () => process.exit(1);
  if (process.connected) outbox.put({ type: 'fatal', message: error.message, stack: String(error.stack) }, end);
  else end();
}
process.on('uncaughtException', die);
process.on('unhandledRejection', die);

let waitingPreviews = 0;
function sendEvent(promptId: string, event: ExecutionEvent): void {
  if (event.type !== 'preview' && event.type !== 'text') {
    outbox.put({ type: 'event', promptId, event });
    return;
  }
  if (waitingPreviews >= MAX_WAITING_PREVIEWS) return;
  waitingPreviews++;
  outbox.put({ type: 'event', promptId, event }, () => {
    waitingPreviews--;
  });
}

/** What the hub sends, and what its models lack, goes to the log. */
const hubListeners = {
  onPlan: (plan: DownloadPlan) =>
    outbox.put({ type: 'log', level: 'info', message: `downloading ${describePlan(plan)}` }),
  onNote: (message: string) => outbox.put({ type: 'log', level: 'warn', message }),
};

const packs = await loadPacks({ packDirs: options.packDirs });
const folders = dataFolders(options.dataDir);
const places = options.places ?? { roots: [folders.models], extra: [] };
const { device } = options;
const offered = offeredModels({ places, packs }, options);
const executor = createExecutor({
  registry: createRegistry(packs),
  cache: options.cache,
  maxMemoryBytes: options.maxMemoryBytes ?? halfOfMemory(),
  sources: createChoiceSources(folders, offered),
  services: {
    files: createNodeFiles({
      folders,
      writeMetadata: options.writeMetadata,
      pictures: createDecoders({ processes: 1 }),
    }),
    models: createWorkerModels({
      offered,
      loadClip: (name, more) => loadClip(name, { ...more, ...hubListeners, device }),
      loadVisionTower: (name, more) => loadVisionTower(name, { ...more, ...hubListeners, device }),
      loadCheckpoint: (name, more) => loadCheckpoint(name, { ...more, ...hubListeners, device }),
      loadDiffusionModel: (path) => loadDiffusionModel(path, { device }),
      loadVae: (path) => loadVae(path, { device }),
      loadPromptModel: (paths, type) => loadPromptModel(paths, { type, device }),
    }),
  },
});

let current: { readonly promptId: string; readonly interrupt: () => void } | undefined;

async function run(job: Job): Promise<void> {
  const { promptId } = job;
  const abort = new AbortController();
  const emit = (event: ExecutionEvent) => sendEvent(promptId, event);
  const interrupt = () => abort.abort(new Error('Interrupted by the user.'));
  current = { promptId, interrupt };
  const lookForInterrupt = () => {
    if (isInterruptFlagUp()) interrupt();
  };
  const outcome = await executor.run(job, { emit, signal: abort.signal, lookForInterrupt });
  current = undefined;
  outbox.put({ type: 'done', promptId, outcome });
}

process.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'run':
      void run(message.job);
      break;
    case 'interrupt':
      if (!message.promptId || message.promptId === current?.promptId) current?.interrupt();
      break;
    case 'free':
      executor.free(message);
  }
});
outbox.put({ type: 'ready' });
