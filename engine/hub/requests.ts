// Requests to a hub: the headers of a file (size, hash, commit) before it is downloaded, retries, and kinds of refusals.
import { statfs } from 'node:fs/promises';
import { InputError } from '../errors.ts';
import { wait } from '../wait.ts';

/** What a download depends on besides the network; replaceable by tests. */
export interface Transport {
  /** Waits between attempts; rejects with the signal's reason when it is aborted. */
  readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Attempts in a row without progress before it gives up. */
  readonly attempts: number;
  /** A connection that sends nothing for this long is dropped. */
  readonly stallMs: number;
  readonly freeBytes: (dir: string) => Promise<number>;
}

export const defaultTransport: Transport = {
  wait,
  attempts: 5,
  stallMs: 60_000,
  freeBytes: async (dir) => {
    const { bavail, bsize } = await statfs(dir);
    return bavail * bsize;
  },
};

export interface HttpOptions {
  signal?: AbortSignal;
  /** Do not show HF_TOKEN: the server is not a hub. */
  anonymous?: boolean;
  transport?: Partial<Transport>;
}

export interface RemoteFile {
  readonly url: string;
  /** Undefined if the server does not say. */
  readonly size: number | undefined;
  /** '' if the server does not say. */
  readonly etag: string;
  readonly commit: string | undefined;
  /** The same server sends the bytes, so its etag applies to them; false behind a redirect to a store. */
  readonly direct: boolean;
}

/** file: there is no such file; repo: there is no such model; denied: it needs a login. */
export type Refusal = 'file' | 'repo' | 'denied';

/** A refusal that another attempt will not change. */
export class HubError extends Error {
  readonly reason: Refusal;
  readonly status: number;

  constructor(reason: Refusal, status: number, url: string) {
    super(`${url} answered ${status}`);
    this.reason = reason;
    this.status = status;
  }
}

const MAX_REDIRECTS = 5;
const MAX_RETRY_AFTER_MS = 60_000;

/** Asks for a file's headers. Throws HubError, or DOWNLOAD_FAILED if the server cannot be reached. */
export async function fetchMeta(url: string, options: HttpOptions): Promise<RemoteFile> {
  let at = url;
  for (let i = 0; i < MAX_REDIRECTS; i++) {
    const response = await request(at, { method: 'HEAD', redirect: 'manual' }, options);
    const location = response.headers.get('location');
    const moved = response.status >= 300 && response.status < 400 && location ? new URL(location, at) : undefined;
    // A redirect on the same server is a renamed model; one to another server is the store of large files.
    if (moved && moved.origin === new URL(at).origin && !response.headers.has('x-linked-etag')) at = moved.href;
    else return readMeta(at, response, moved === undefined);
  }
  throw new InputError('DOWNLOAD_FAILED', `${url} redirects more than ${MAX_REDIRECTS} times.`);
}

function readMeta(url: string, { headers, status }: Response, direct: boolean): RemoteFile {
  const ofBytes = direct && status === 200;
  const size = headers.get('x-linked-size') ?? (ofBytes ? headers.get('content-length') : null);
  const etag = headers.get('x-linked-etag') ?? headers.get('etag') ?? '';
  return {
    url,
    size: size === null ? undefined : Number(size),
    etag,
    commit: headers.get('x-repo-commit') ?? undefined,
    direct,
  };
}

/** One request, repeated while the server is out of reach or overloaded. */
export async function request(url: string, init: RequestInit, options: HttpOptions): Promise<Response> {
  const { wait, attempts } = { ...defaultTransport, ...options.transport };
  let why = '';
  let askedFor = 0; // ms, by Retry-After
  for (let failures = 0; failures < attempts; failures++) {
    if (failures > 0) await wait(Math.max(backoff(failures), askedFor), options.signal);
    askedFor = 0;
    const response = await send(url, init, options).catch((error: unknown) => {
      options.signal?.throwIfAborted();
      why = reasonOf(error);
      return undefined;
    });
    if (!response) continue;
    if (!isTransient(response.status)) return accept(response, url);
    why = `it answers ${response.status}`;
    await response.body?.cancel();
    askedFor = Math.min(MAX_RETRY_AFTER_MS, 1000 * (Number(response.headers.get('retry-after')) || 0));
  }
  throw new InputError('DOWNLOAD_FAILED', `Cannot download ${url}: ${why} (tried ${attempts} times).`);
}

/** Half a second, doubled for each failure, at most half a minute. */
export const backoff = (failures: number): number => Math.min(30_000, 250 * 2 ** failures);

/** What went wrong, without the wrapper that fetch puts around it. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as { message: string; cause?: { message?: string; code?: string } };
  return cause?.message || cause?.code || message;
}

async function send(url: string, init: RequestInit, { signal, transport, anonymous }: HttpOptions): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('accept-encoding', 'identity');
  // fetch drops this header when a redirect leads to another origin.
  if (process.env.HF_TOKEN && !anonymous) headers.set('authorization', `Bearer ${process.env.HF_TOKEN}`);
  const silence = new AbortController();
  const stallMs = transport?.stallMs ?? defaultTransport.stallMs;
  const timer = setTimeout(() => silence.abort(new Error('it does not answer')), stallMs);
  try {
    const signals = [init.signal, signal, silence.signal].filter((s) => s != null);
    return await fetch(url, { ...init, headers, signal: AbortSignal.any(signals) });
  } finally {
    clearTimeout(timer);
  }
}

const isTransient = (status: number): boolean => status === 408 || status === 429 || status >= 500;

function accept(response: Response, url: string): Response {
  const { status, headers } = response;
  if (status < 400 || status === 416) return response;
  const code = headers.get('x-error-code');
  if (code === 'RepoNotFound' || code === 'RevisionNotFound') throw new HubError('repo', status, url);
  if (status === 401 || status === 403) throw new HubError('denied', status, url);
  throw new HubError('file', status, url);
}
