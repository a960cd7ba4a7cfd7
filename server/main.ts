// Composition root: options → a server that listens. Everything is made here and handed down.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { InputError } from '../engine/errors.ts';
import { checkDevice } from '../engine/onnx/device.ts';
import { addExamples, openEnvironment } from './environment.ts';
import { emptyTemp } from './files/data-folders.ts';
import { createApp } from './http/app.ts';
import { historyRoutes } from './http/routes/history.ts';
import { LOG_SIZE } from './http/routes/internal.ts';
import { interruptRoutes } from './http/routes/interrupt.ts';
import { jobsRoutes } from './http/routes/jobs.ts';
import { promptRoutes } from './http/routes/prompt.ts';
import { queueRoutes } from './http/routes/queue.ts';
import { serverFeatures } from './http/routes/system.ts';
import { createLog, type ServerLog } from './log.ts';
import { type ServerOptions, serverDefaults } from './options.ts';
import { createDispatcher } from './queue/dispatcher.ts';
import { createJobStore, type JobStore, StoreError } from './queue/store.ts';
import { createRequestCheck } from './security.ts';
import { createSocketHub, type SocketHubOptions } from './sockets/hub.ts';
import { startWorkerHost, type WorkerHostOptions } from './worker/host.ts';

export interface RunningServer {
  /** `http://127.0.0.1:8188` */
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
 * Throws OPTION_INVALID (an address that can't be bound, a data folder that is in use, a device that onnxruntime lacks), FILE_UNWRITABLE.
 */
export async function startServer({
  log = createLog(),
  worker: workerExtras,
  sockets: limits,
  ...given
}: StartOptions = {}): Promise<RunningServer> {
  const options: ServerOptions = { ...serverDefaults, ...given };
  checkDevice(options.device);
  const { logger } = log;
  const environment = await openEnvironment(options);
  const { folders, packs } = environment;
  for (const { name, error } of packs) if (error) logger.warn(`pack ${name} was not loaded: ${error}`);
  const store = openStore(join(folders.root, 'queue.sqlite'));
  const undo: (() => unknown)[] = [() => store.close()];
  try {
    await emptyTemp(folders); // not before the store is ours: the folder may be another server's
    await addExamples(folders);
    const worker = startWorkerHost({
      ...workerExtras,
      dataDir: options.dataDir,
      packDirs: options.packDirs,
      cache: options.cache,
      writeMetadata: options.writeMetadata,
      device: options.device,
      onLog: (level, message) => logger[level](message),
    });
    undo.unshift(() => worker.stop());
    const servers = options.listen.split(',').map(() => createServer());
    undo.unshift(() => Promise.all(servers.map(stop)));
    const features = serverFeatures(options);
    const hub = createSocketHub({
      queueRemaining: () => dispatcher.queueRemaining(),
      executingNode: (clientId) => dispatcher.executingNode(clientId),
      features,
      log: logger,
      limits,
    });
    undo.unshift(() => hub.close());
    const dispatcher = createDispatcher({ store, worker, hub, log: logger });
    undo.unshift(() => dispatcher.close());
    undo.unshift(log.subscribe((entry) => hub.logs([entry], LOG_SIZE)));
    const app = createApp({
      options,
      ...environment,
      features,
      log,
      subscribeLogs: hub.subscribeLogs,
      queueRemaining: () => store.remaining(),
      routers: [
        promptRoutes({ ...environment, dispatcher, store, maxQueueLength: options.maxQueueLength }),
        queueRoutes({ store, dispatcher }),
        historyRoutes({ store }),
        jobsRoutes({ store, dispatcher }),
        interruptRoutes({ dispatcher }),
      ],
      argv: ['pez-nodes', ...process.argv.slice(2)],
    });
    for (const server of servers) {
      server.on('request', app);
      hub.attach(server, createRequestCheck(options));
    }
    await listen(servers, options);
    dispatcher.start();
    const { address, port, family } = servers[0].address() as AddressInfo;
    return {
      url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
      port,
      get workerPid() {
        return worker.pid;
      },
      async close() {
        for (const step of undo) await step();
        await emptyTemp(folders);
      },
    };
  } catch (error) {
    for (const step of undo) await step();
    throw error;
  }
}

function openStore(file: string): JobStore {
  try {
    return createJobStore({ file });
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new InputError('OPTION_INVALID', error.message, { cause: error });
  }
}

/** Binds a server to each address of `listen`, all to one port. Throws OPTION_INVALID. */
async function listen(servers: readonly Server[], { listen, port }: ServerOptions): Promise<void> {
  const hosts = listen.split(',');
  for (const [i, server] of servers.entries()) {
    const chosen = i === 0 ? port : (servers[0].address() as AddressInfo).port;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(chosen, hosts[i].trim(), resolve);
      });
    } catch (error) {
      const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      const why = inUse ? 'another program (or another pez-nodes) listens there' : (error as Error).message;
      throw new InputError('OPTION_INVALID', `Cannot listen on ${listen} port ${port}: ${why}. Give another --port.`, {
        cause: error,
      });
    }
  }
}

async function stop(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}
