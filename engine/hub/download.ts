// One file of a hub → the disk: resumed where it broke off, checked against the hub's size and hash, and only then
// given its name. Until then it is called `<file>.<etag>.part`, so that parts of two versions are never joined.
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InputError } from '../errors.ts';
import { checkFile, Damaged } from './check-file.ts';
import {
  backoff,
  defaultTransport,
  fetchMeta,
  type HttpOptions,
  HubError,
  type RemoteFile,
  reasonOf,
  request,
  type Transport,
} from './requests.ts';
import type { FileRecord } from './store-record.ts';

export interface DownloadProgress {
  readonly file: string;
  readonly receivedBytes: number;
  /** Undefined if the server does not say. */
  readonly totalBytes: number | undefined;
}

export interface DownloadOptions extends HttpOptions {
  onProgress?: (progress: DownloadProgress) => void;
}

/** So that a server that announces no size cannot fill the disk; the largest towers in use have 5 GB. */
const MAX_BYTES = 16 * 2 ** 30;
/** Attempts in all, including those that made progress. */
const MAX_ATTEMPTS = 100;

/**
 * Downloads a file. Throws DOWNLOAD_FAILED if the server gives up, sends something other than it announced, or breaks off
 * too often; FILE_UNWRITABLE if the disk is full; HubError if the server refuses.
 */
export async function downloadFile(
  announced: RemoteFile,
  target: string,
  options: DownloadOptions,
): Promise<FileRecord> {
  const transport = { ...defaultTransport, ...options.transport };
  makeFolder(target);
  let remote = announced;
  let why = '';
  for (let failures = 0, attempt = 0; failures < transport.attempts && attempt < MAX_ATTEMPTS; attempt++) {
    if (failures > 0) await transport.wait(backoff(failures), options.signal);
    const part = partOf(target, remote);
    const before = sizeOf(part);
    try {
      if (before === 0 || before !== remote.size) await receive({ remote, part, target, options, transport });
      const record = await checkFile(part, remote);
      renameSync(part, target);
      removeParts(target);
      return record;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof InputError || error instanceof HubError) throw error;
      why = reasonOf(error);
      if (error instanceof Damaged || error instanceof Changed) rmSync(part, { force: true });
      if (error instanceof Changed) remote = await fetchMeta(remote.url, options);
      failures = sizeOf(part) > before ? 1 : failures + 1;
    }
  }
  throw new InputError('DOWNLOAD_FAILED', `Cannot download ${remote.url}: ${why}. Nothing of it is used.`);
}

function makeFolder(target: string): void {
  try {
    mkdirSync(dirname(target), { recursive: true });
  } catch (error) {
    throw unwritable(target, (error as Error).message); // a file lies where a folder should, for one
  }
}

/** The server has another version now: its headers are asked for again, and the download starts over. */
class Changed extends Error {}

function partOf(target: string, { etag }: RemoteFile): string {
  const tag = etag.replace(/\W/g, '').slice(-16);
  const part = `${target}.${tag || 'new'}.part`;
  if (!tag) rmSync(part, { force: true }); // without an etag it cannot be resumed
  return part;
}

/** Removes the parts of other versions. */
function removeParts(target: string): void {
  for (const name of readdirSync(dirname(target)))
    if (name.startsWith(`${basename(target)}.`) && name.endsWith('.part')) rmSync(join(dirname(target), name));
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

interface Transfer {
  readonly remote: RemoteFile;
  readonly part: string;
  readonly target: string;
  readonly options: DownloadOptions;
  readonly transport: Transport;
}

/** Requests the missing bytes and appends them to the part. */
async function receive({ remote, part, target, options, transport }: Transfer): Promise<void> {
  const { size = MAX_BYTES } = remote;
  let have = sizeOf(part);
  if (have > size) throw new Damaged(`${have} bytes arrived, ${size} were announced`);
  await checkDisk(part, remote.size === undefined ? 0 : size - have, transport);
  const stall = new AbortController();
  const headers = rangeHeaders(remote, have);
  const response = await request(remote.url, { headers, signal: stall.signal }, options);
  have = startOf(response, remote, have);
  const file = await open(part, have > 0 ? 'a' : 'w');
  const timer = setTimeout(() => stall.abort(new Error('it stopped sending')), transport.stallMs);
  try {
    for await (const chunk of response.body ?? []) {
      timer.refresh();
      have += chunk.length;
      if (have > size) throw new Damaged(`more than the announced ${size} bytes arrived`);
      await write(file, chunk, part);
      options.onProgress?.({ file: basename(target), receivedBytes: have, totalBytes: remote.size });
    }
    await file.sync();
  } finally {
    clearTimeout(timer);
    await file.close();
  }
  if (remote.size !== undefined && have < size) throw new Error(`it broke off after ${have} of ${size} bytes`);
}

/** A weak etag does not identify bytes, so nothing can be resumed with it. */
function rangeHeaders({ etag, direct }: RemoteFile, have: number): Record<string, string> {
  if (have === 0 || etag.startsWith('W/')) return {};
  return { range: `bytes=${have}-`, ...(direct && { 'if-range': etag }) };
}

/** Where the body begins: `have` for the rest of the file, 0 for all of it. */
function startOf({ status, headers }: Response, remote: RemoteFile, have: number): number {
  const etag = headers.get('etag');
  if (status === 416) throw new Damaged('it has no more bytes to send');
  if (remote.direct && etag && remote.etag && etag !== remote.etag) throw new Changed('it changed in the meantime');
  if (status !== 206) return 0;
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? [];
  if (Number(start) !== have) throw new Damaged('it sent a different part of the file than the one requested');
  if (remote.size !== undefined && total !== '*' && Number(total) !== remote.size)
    throw new Changed('its size changed');
  return have;
}

async function checkDisk(part: string, bytes: number, { freeBytes }: Transport): Promise<void> {
  const free = await freeBytes(dirname(part));
  if (bytes > free) throw unwritable(part, `${megabytes(bytes)} are needed, ${megabytes(free)} are free`);
}

async function write(file: FileHandle, chunk: Uint8Array, part: string): Promise<void> {
  try {
    await file.writeFile(chunk);
  } catch (error) {
    throw unwritable(part, (error as Error).message);
  }
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;

const unwritable = (part: string, why: string): InputError =>
  new InputError('FILE_UNWRITABLE', `Cannot save the download in ${dirname(part)}: ${why}.`);
