// A hub on loopback that misbehaves on demand: each request takes the next fault of its file, or is served well.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a GET does instead of serving the file. */
export type Fault =
  | { kind: 'drop'; afterBytes: number } // the connection breaks once those bytes are seen to have come (see `hangUp`)
  | { kind: 'truncate'; bytes: number } // a body that ends early, and says so nowhere
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  | { kind: 'change'; body: Buffer } // from now on another version
  | { kind: 'ignore-range' }
  | { kind: 'garbage' }; // right length, wrong bytes

export interface MirrorFile {
  body: Buffer;
  /** What HEAD and GET claim; default: sha256 of the body. */
  etag?: string;
  faults?: Fault[];
  headFaults?: Extract<Fault, { kind: 'status' }>[];
  /** Large files lie in a store: the hub redirects there, and says size and hash itself. */
  store?: string;
}

export interface Mirror {
  readonly endpoint: string;
  /** `GET path bytes=…`, in order. */
  readonly log: string[];
  /** The authorization header of each request. */
  readonly tokens: (string | undefined)[];
  readonly files: Map<string, MirrorFile>;
  /** Breaks the connections that `drop` holds: the client calls it when the bytes have come. */
  hangUp(): void;
  close(): Promise<void>;
}

export const sha256 = (body: Buffer): string => createHash('sha256').update(body).digest('hex');

/** Serves `<repo>/resolve/<revision>/<path>` for the files under `<repo>/<path>`. */
export async function startMirror(files: Map<string, MirrorFile>): Promise<Mirror> {
  const log: string[] = [];
  const tokens: (string | undefined)[] = [];
  const held = new Set<ServerResponse>();
  const server: Server = createServer((request, response) => {
    const [, repo, path] = /^\/([^/]+\/[^/]+)\/resolve\/[^/]+\/(.+)$/.exec(decodeURIComponent(request.url ?? '')) ?? [];
    log.push([request.method, path, request.headers.range].filter(Boolean).join(' '));
    tokens.push(request.headers.authorization);
    const file = files.get(`${repo}/${path}`);
    if (file) serve(file, request, response, held);
    else {
      const known = [...files.keys()].some((key) => key.startsWith(`${repo}/`));
      response.writeHead(404, { 'x-error-code': known ? 'EntryNotFound' : 'RepoNotFound' }).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    tokens,
    files,
    hangUp: () => {
      for (const response of held) response.destroy();
      held.clear();
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function serve(file: MirrorFile, request: IncomingMessage, response: ServerResponse, held: Set<ServerResponse>): void {
  const fault = request.method === 'HEAD' ? file.headFaults?.shift() : file.faults?.shift();
  if (fault?.kind === 'status') {
    response.writeHead(fault.status, fault.headers).end();
    return;
  }
  if (fault?.kind === 'change') file.body = fault.body;
  const { body } = file;
  if (file.store !== undefined) {
    const linked = { 'x-linked-etag': `"${file.etag ?? sha256(body)}"`, 'x-linked-size': body.length };
    response.writeHead(302, { ...linked, location: file.store, 'x-repo-commit': 'c0ffee' }).end();
    return;
  }
  const etag = `"${file.etag ?? sha256(body)}"`;
  const ifRange = request.headers['if-range'];
  const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const ranged = asked && fault?.kind !== 'ignore-range' && (ifRange === undefined || ifRange === etag);
  const start = ranged ? Number(asked[1]) : 0;
  const headers = { etag, 'x-repo-commit': 'c0ffee', 'accept-ranges': 'bytes' };
  if (fault?.kind === 'truncate') {
    response.writeHead(200, headers).end(body.subarray(0, fault.bytes)); // chunked: no length
    return;
  }
  const part = fault?.kind === 'garbage' ? Buffer.alloc(body.length - start, 7) : body.subarray(start);
  response.writeHead(ranged ? 206 : 200, {
    ...headers,
    'content-length': part.length,
    ...(ranged && { 'content-range': `bytes ${start}-${body.length - 1}/${body.length}` }),
  });
  if (request.method === 'HEAD') response.end();
  else if (fault?.kind === 'drop' && fault.afterBytes > 0) {
    held.add(response);
    response.write(part.subarray(0, fault.afterBytes));
  } else if (fault?.kind === 'drop') response.destroy();
  else response.end(part);
}
