// The HTTP side on a free port, over a fresh data folder, with the real registry and fakes for queue and socket hub.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express, { type Router } from 'express';
import { createDecoders } from '../../../../engine/image/decoders.ts';
import { createChoiceSources } from '../../../../server/files/choice-sources.ts';
import { type DataFolders, prepareDataFolders } from '../../../../server/files/data-folders.ts';
import type { ReadFileKind } from '../../../../server/files/file-kinds.ts';
import { type AppDeps, createApp } from '../../../../server/http/app.ts';
import { serverFeatures } from '../../../../server/http/routes/system.ts';
import { createLog, type ServerLog } from '../../../../server/log.ts';
import { createRegistry, loadPacks, type Pack } from '../../../../server/packs/packs.ts';
import { modelsIn } from '../../../helpers/model-places.ts';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says
  json(): any;
}

export interface TestApp {
  readonly folders: DataFolders;
  readonly port: number;
  readonly log: ServerLog;
  readonly packs: readonly Pack[];
  readonly subscriptions: [string, boolean][];
  /** Sends the path as it stands: fetch would tidy it up. */
  send(
    method: string,
    path: string,
    options?: { body?: string | Buffer; headers?: Record<string, string> },
  ): Promise<Reply>;
  get(path: string, headers?: Record<string, string>): Promise<Reply>;
  upload(path: string, fields: Record<string, string | { filename: string; bytes: Buffer }>): Promise<Reply>;
  close(): Promise<void>;
}

export interface TestAppOptions extends Partial<AppDeps['options']> {
  readonly packDirs?: readonly string[];
  readonly router?: Router;
  /** The folder of a built studio. */
  readonly studio?: string;
  readonly readFileKind?: ReadFileKind;
}

export async function startApp({
  packDirs = [],
  router = express.Router(),
  studio,
  readFileKind,
  ...options
}: TestAppOptions = {}): Promise<TestApp> {
  const dir = mkdtempSync(join(tmpdir(), 'pez-app-'));
  const folders = await prepareDataFolders(dir);
  const packs = await loadPacks({ packDirs });
  const log = createLog({ destination: { write: () => {} } });
  const offered = modelsIn(folders.models, {
    bundled: { clip: ['pico-clip'], checkpoint: ['pico-diffusion'] },
    readFileKind,
  });
  const subscriptions: [string, boolean][] = [];
  const maxUploadBytes = options.maxUploadBytes ?? 2 ** 20;
  const pictures = createDecoders();
  const app = createApp({
    options: {
      listen: '127.0.0.1',
      allowedHosts: [],
      multiUser: false,
      maxUploadsBytes: 2 ** 30,
      ...options,
      maxUploadBytes,
    },
    folders,
    registry: createRegistry(packs),
    ...offered,
    sources: createChoiceSources(folders, offered.offered, offered.kinds),
    packs,
    pictures,
    studio,
    features: serverFeatures({ maxUploadBytes }),
    log,
    subscribeLogs: (id, enabled) => void subscriptions.push([id, enabled]),
    queueRemaining: () => 3,
    routers: [router],
    argv: ['pez-nodes', 'serve'],
  });
  const server: Server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const send: TestApp['send'] = (method, path, { body, headers = {} } = {}) =>
    new Promise((resolve, reject) => {
      const request = httpRequest({ port, host: '127.0.0.1', method, path, headers, agent: false }, (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(pieces);
          const text = bytes.toString();
          const { statusCode = 0, headers } = response;
          resolve({ status: statusCode, headers, body: bytes, text, json: () => JSON.parse(text) });
        });
      });
      request.on('error', reject);
      request.end(body);
    });

  return {
    folders,
    port,
    log,
    packs,
    subscriptions,
    send,
    get: (path, headers) => send('GET', path, { headers }),
    upload(path, fields) {
      const { body, contentType } = multipart(fields);
      return send('POST', path, { body, headers: { 'content-type': contentType } });
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await pictures.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A multipart body. */
export function multipart(fields: Record<string, string | { filename: string; bytes: Buffer }>): {
  body: Buffer;
  contentType: string;
} {
  const boundary = 'b0undary';
  const parts = Object.entries(fields).flatMap(([name, value]) => {
    const file = typeof value === 'string' ? '' : `; filename="${value.filename}"\r\nContent-Type: image/png`;
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`;
    return [Buffer.from(head), typeof value === 'string' ? Buffer.from(value) : value.bytes, Buffer.from('\r\n')];
  });
  return {
    body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
    contentType: `multipart/form-data; boundary=${boundary}`,
  };
}
