// Composition root: options → a server that listens. Everything is made here and handed down.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { modelKindOf } from '../engine/architectures/model-kind.ts';
import { InputError } from '../engine/errors.ts';
import { mayBeModel } from '../engine/hub/model-store.ts';
import { createDecoders } from '../engine/image/decoders.ts';
import { checkDevice } from '../engine/onnx/device.ts';
import { ClosingSteps } from './closing-steps.ts';
import { addExamples, type Environment, openEnvironment } from './environment.ts';
import { emptyTemp } from './files/data-folders.ts';
import { createApp } from './http/app.ts';
import { historyRoutes } from './http/routes/history.ts';
import { LOG_SIZE } from './http/routes/internal.ts';
import { interruptRoutes } from './http/routes/interrupt.ts';
import { jobsRoutes } from './http/routes/jobs.ts';
import { promptRoutes } from './http/routes/prompt.ts';
import { queueRoutes } from './http/routes/queue.ts';
import { serverFeatures } from './http/routes/system.ts';
import { findStudio } from './http/studio-files.ts';
import { checkExposure, createServers, listenAll, stopServer, urlOf } from './listeners.ts';
import { createLog, type ServerLog } from './log.ts';
import { type ServerOptions, serverDefaults } from './options.ts';
import { createDispatcher, type Dispatcher } from './queue/dispatcher.ts';
import { createJobFeed, type JobFeed } from './queue/job-feed.ts';
import { keptPreviews } from './queue/kept-previews.ts';
import { type JobStoreOptions, openStores, type Stores } from './queue/sqlite-store.ts';
import { StoreError } from './queue/store.ts';
import { createUpgradeCheck } from './security.ts';
import { createSocketHub, type SocketHub, type SocketHubOptions } from './sockets/hub.ts';
import { checkFolders, checkModels } from './start-check.ts';
import { withoutToken } from './token.ts';
import { startWorkerHost, type WorkerHost, type WorkerHostOptions } from './worker/host.ts';

export interface RunningServer {
  /** `http://127.0.0.1:8188`; https with TLS. */
  readonly url: string;
  readonly port: number;
  /** Process id of the worker while there is one. */
  readonly workerPid: number | undefined;
  /** Stops. A prompt that runs waits in the queue for the next start. */
  close(): Promise<void>;
}

export interface StartOptions extends Partial<ServerOptions> {
  readonly log?: ServerLog;
  readonly worker?: Pick<WorkerHostOptions, 'interruptGraceMs' | 'startTimeoutMs' | 'nodeArgs'>;
  readonly sockets?: SocketHubOptions['limits'];
}

/**
 * Starts a server; what its options leave out is as in `serverDefaults`. Waiting prompts of an earlier run go on.
 * Throws OPTION_INVALID (an address that can't be bound, or not without a token, a data folder that is in use, a device that
 * onnxruntime lacks, a folder or model that is not there), FILE_UNWRITABLE.
 */
export async function startServer({
  log = createLog(),
  worker,
  sockets,
  ...given
}: StartOptions = {}): Promise<RunningServer> {
  const options: ServerOptions = { ...serverDefaults, ...given };
  checkDevice(options.device);
  const warnings = checkExposure(options);
  checkFolders(options);
  const environment = await openEnvironment({ ...options, readFileKind: modelKindOf });
  checkModels(options, environment, mayBeModel);
  for (const { name, error } of environment.packs) if (error) log.logger.warn(`pack ${name} was not loaded: ${error}`);
  const closing = new ClosingSteps();
  try {
    const server = await startParts({ options, environment, log, worker, sockets, closing });
    for (const warning of warnings) log.logger.warn(warning);
    return server;
  } catch (error) {
    await closing.run().catch((failure: Error) => log.logger.error(`closing failed as well: ${failure.message}`));
    throw error;
  }
}

interface Setup extends Required<Pick<StartOptions, 'log'>>, Pick<StartOptions, 'worker' | 'sockets'> {
  readonly options: ServerOptions;
  readonly environment: Environment;
  readonly closing: ClosingSteps;
}

/** Each part is given to `closing` as soon as it is there. */
async function startParts(setup: Setup): Promise<RunningServer> {
  const stores = await openStore(setup);
  const worker = startWorker(setup);
  const servers = openServers(setup);
  const queue = connectQueue(setup, { stores, worker });
  const { hub, dispatcher } = queue;
  const app = createServerApp(setup, queue);
  for (const server of servers) {
    server.on('request', app);
    hub.attach(server, createUpgradeCheck(setup.options));
  }
  await listenAll(servers, setup.options);
  dispatcher.start();
  return {
    url: urlOf(servers[0], setup.options),
    port: (servers[0].address() as AddressInfo).port,
    get workerPid() {
      return worker.pid;
    },
    close: () => setup.closing.run(),
  };
}

/** The store and its lock; as long as it is held the data folder is ours, so that is when temp/ is emptied. */
async function openStore({ options, environment: { folders }, log, closing }: Setup): Promise<Stores> {
  const stores = lockStore({
    file: join(folders.root, 'queue.sqlite'),
    maxHistory: options.maxHistory,
    warn: (message) => log.logger.warn(message),
  });
  closing.add(() => stores.jobs.close());
  const clean = async () => emptyTemp(folders, await keptPreviews(stores.jobs, folders.temp));
  await clean();
  closing.add(clean);
  await addExamples(folders);
  return stores;
}

function lockStore(options: JobStoreOptions): Stores {
  try {
    return openStores(options);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new InputError('OPTION_INVALID', error.message, { cause: error });
  }
}

function startWorker({ options, environment, log: { logger }, worker: extras, closing }: Setup): WorkerHost {
  const { dataDir, packDirs, cache, writeMetadata, device, clip, checkpoint, allowHub, maxMemoryBytes } = options;
  const onLog: WorkerHostOptions['onLog'] = (level, message) => logger[level](message);
  const worker = startWorkerHost({
    ...extras,
    ...{ dataDir, packDirs, cache, writeMetadata, maxMemoryBytes },
    ...{ places: environment.places, device, clip, checkpoint, allowHub },
    onLog,
  });
  closing.add(() => worker.stop());
  return worker;
}

function openServers({ options, closing }: Setup): Server[] {
  const servers = createServers(options);
  closing.add(() => Promise.all(servers.map(stopServer)));
  return servers;
}

interface Queue {
  readonly stores: Stores;
  readonly hub: SocketHub;
  readonly feed: JobFeed;
  readonly dispatcher: Dispatcher;
}

/** The dispatcher tells the sockets, and they ask it: what runs for a client that connects, how much waits. */
function connectQueue(
  { options, log, sockets: limits, closing }: Setup,
  { stores, worker }: { readonly stores: Stores; readonly worker: WorkerHost },
): Queue {
  const hub = createSocketHub({
    queueRemaining: () => dispatcher.queueRemaining(),
    executingNode: (clientId) => dispatcher.executingNode(clientId),
    begun: (clientId) => dispatcher.begun(clientId),
    features: serverFeatures(options),
    log: log.logger,
    limits,
  });
  closing.add(() => hub.close());
  const { previewMethod } = options;
  const feed = createJobFeed();
  const queue = { store: stores.jobs, worker, hub, observer: feed };
  const dispatcher = createDispatcher({ ...queue, log: log.logger, previewMethod });
  closing.add(() => dispatcher.close());
  closing.add(log.subscribe((entry) => hub.logs([entry], LOG_SIZE)));
  return { stores, hub, feed, dispatcher };
}

function createServerApp(
  { options, environment, log, closing }: Setup,
  { stores: { jobs: store, keys, assets }, hub, feed, dispatcher }: Queue,
): ReturnType<typeof createApp> {
  const { maxQueueLength, maxPromptBytes } = options;
  const pictures = createDecoders();
  closing.add(() => pictures.close());
  return createApp({
    options,
    ...environment,
    pictures,
    studio: findStudio(),
    features: serverFeatures(options),
    log,
    subscribeLogs: (clientId, enabled) => hub.subscribeLogs(clientId, enabled),
    queueRemaining: () => store.remaining(),
    routers: [
      promptRoutes({ ...environment, dispatcher, store, maxQueueLength, maxBytes: maxPromptBytes }),
      queueRoutes({ store, dispatcher }),
      historyRoutes({ store }),
      jobsRoutes({ store, dispatcher }),
      interruptRoutes({ dispatcher }),
    ],
    apiV2: { ...{ files: environment.files, store, dispatcher, feed }, keys, assets, maxQueueLength, maxPromptBytes },
    argv: ['pez-nodes', ...withoutToken(process.argv.slice(2))],
  });
}
