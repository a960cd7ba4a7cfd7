// Hub id and a list of files → a complete model folder in the cache: only files that are missing or damaged are downloaded.
import { join } from 'node:path';
import { InputError } from '../errors.ts';
import type { HubId } from '../hub-id.ts';
import { cudaOnlyOps } from '../onnx/cuda-only.ts';
import { cacheFolder, findInHubCache, isOffline } from './cache.ts';
import { type DownloadProgress, downloadFile } from './download.ts';
import { withLock } from './lock.ts';
import {
  filesBeside,
  isComplete,
  isMissing,
  mayNameOthers,
  missing,
  type NeededFile,
  pathsOf,
  presentPath,
  readFilesBeside,
  usedPath,
} from './needed-files.ts';
import { type FoundFile, findRemote, type RemoteOptions } from './remote-file.ts';
import { amendRecord, readRecord } from './store-record.ts';
import type { Dtype } from './variant.ts';

export type { DownloadProgress } from './download.ts';

/** What is about to be downloaded. */
export interface DownloadPlan {
  readonly repo: string;
  readonly files: number;
  /** Of those whose size the hub says. */
  readonly bytes: number;
}

/** A line for people: `org/name: 12 files, 3.44 GB`. */
export const describePlan = ({ repo, files, bytes }: DownloadPlan): string =>
  `${repo}: ${files === 1 ? '1 file' : `${files} files`}, ${bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`}`;

export interface HubOptions extends RemoteOptions {
  cacheDir?: string;
  offline?: boolean;
  dtype?: Dtype | string;
  /** Before the first byte of a large file. Once more if a large file turns out to name others, whose sizes were not known before. */
  onPlan?: (plan: DownloadPlan) => void;
  onProgress?: (progress: DownloadProgress) => void;
  /** Takes a sentence for people, such as that another precision is used than the one asked for. */
  onNote?: (note: string) => void;
  /** Look for newer versions of complete files, too. */
  refresh?: boolean;
}

/**
 * Returns the folder of a hub model: from the cache, from the hub's own cache on this machine, or downloaded. External weights that its
 * .onnx files name are fetched with them, and so are the shards of an index. Throws MODEL_NOT_FOUND, MODEL_INVALID (damaged) or
 * DOWNLOAD_FAILED.
 */
export async function pullFolder(id: HubId, files: readonly NeededFile[], options: HubOptions = {}): Promise<string> {
  const dir = cacheFolder(id, options.cacheDir);
  if (!options.refresh) {
    if (missing(dir, files).length === 0) return dir;
    const shared = options.cacheDir === undefined ? findInHubCache(id) : undefined;
    if (shared && isWhole(shared, files)) return shared;
  }
  if (options.offline ?? isOffline()) return offlineFolder(id, dir, files);
  return withLock(dir, { signal: options.signal, wait: options.transport?.wait }, async () => {
    await pullFiles(id, dir, files, options);
    return dir;
  });
}

/** Whether a folder without a record of ours has everything, optional files included: it can't tell which of them the hub lacks. */
function isWhole(dir: string, files: readonly NeededFile[]): boolean {
  const required = files.map((file) => ({ ...file, optional: false }));
  try {
    return missing(dir, required).length === 0;
  } catch (error) {
    if (error instanceof InputError) return false; // a damaged file; one of our own will do better
    throw error;
  }
}

function offlineFolder({ repo }: HubId, dir: string, files: readonly NeededFile[]): string {
  const lacking = missing(dir, files, { offline: true }).filter((f) => !f.optional || presentPath(dir, f));
  if (lacking.length === 0) return dir;
  const damaged = presentPath(dir, lacking[0]);
  if (damaged)
    throw new InputError(
      'MODEL_INVALID',
      `${join(dir, damaged)} is damaged (its size has changed since it was downloaded); delete it or go online.`,
    );
  throw new InputError(
    'MODEL_NOT_FOUND',
    `${repo} is not complete on this machine, and nothing may be downloaded (HF_HUB_OFFLINE=1, or a command that stays offline): put ${lacking.map((f) => f.path).join(', ')} into ${dir}, or run "pez-nodes models pull ${repo}" with a network.`,
  );
}

/** A graph whose weights lie beside it is no larger, nor is an index: it is fetched before the rest is counted. */
const SMALL_BYTES = 16 * 2 ** 20;

async function pullFiles(id: HubId, dir: string, files: readonly NeededFile[], options: HubOptions): Promise<void> {
  const pull = makePull(id, dir, options);
  const found = await pull.find(files);
  const first = found.filter(
    ({ path, size }) => mayNameOthers(path) && (size ?? Number.POSITIVE_INFINITY) <= SMALL_BYTES,
  );
  for (const file of first) await pull.fetch(file);
  for (const { path } of first) if (path.endsWith('.onnx')) warnOfCuda(id, { dir, path }, options);
  const later = found.filter((file) => !first.includes(file));
  const beside = await pull.find(besideOf(dir, files, later), AT_ONCE);
  announce(id, [...found, ...beside], options);
  for (const file of [...later, ...beside]) await pull.fetch(file);
  const more = await pull.find(besideOf(dir, files), AT_ONCE);
  announce(id, more, options);
  for (const file of more) await pull.fetch(file);
}

/** Before gigabytes come that only few can use. */
function warnOfCuda({ repo }: HubId, { dir, path }: { dir: string; path: string }, { onNote }: HubOptions): void {
  const ops = cudaOnlyOps(join(dir, path));
  if (ops.length)
    onNote?.(
      `${repo} was optimised for NVIDIA cards: ${path} needs ${ops.join(', ')}, which onnxruntime has for CUDA only.`,
    );
}

function announce({ repo }: HubId, found: readonly FoundFile[], { onPlan }: HubOptions): void {
  const bytes = found.reduce((sum, { size = 0 }) => sum + size, 0);
  if (found.length) onPlan?.({ repo, files: found.length, bytes });
}

/** The files that hold the weights of those that are there by now; `later`: those that are going to be replaced. */
function besideOf(dir: string, files: readonly NeededFile[], later: readonly FoundFile[] = []): NeededFile[] {
  const record = readRecord(dir);
  const here = files.flatMap((file) => usedPath(dir, file, record) ?? []);
  const sound = here.filter((path) => isComplete(dir, path, record) && later.every((file) => file.path !== path));
  return sound.flatMap((path) => filesBeside(dir, path, record)).map((path) => ({ path }));
}

/** A part may lie in some thousand files. */
const AT_ONCE = 8;

interface Pull {
  /** Those files that have to be fetched, none twice. So many of them are asked for `atOnce`. */
  find(files: readonly NeededFile[], atOnce?: number): Promise<FoundFile[]>;
  fetch(file: FoundFile): Promise<void>;
}

function makePull(id: HubId, dir: string, options: HubOptions): Pull {
  let commit: string | undefined;
  const seen = new Set<string>();
  /** The path of a file that is used, on the hub or, if it need not be fetched, here; and what has to be fetched. */
  const findOne = async (needed: NeededFile): Promise<{ path?: string; remote?: FoundFile }> => {
    const record = readRecord(dir);
    if (!options.refresh && !isMissing(dir, needed, record)) return { path: usedPath(dir, needed, record) };
    // All files come from the commit of the first, even if the branch moves in the meantime.
    const remote = await findRemote({ ...id, revision: commit ?? id.revision }, needed, options);
    commit ??= remote?.commit;
    noteAbsent(dir, needed, remote?.path);
    if (needed.wished && remote && remote.path !== needed.path)
      options.onNote?.(`${id.repo} has no ${needed.path}: ${remote.path} is used.`);
    return { path: remote?.path, ...(remote && isNew(dir, remote) && { remote }) };
  };
  return {
    async find(files, atOnce = 1) {
      const found: FoundFile[] = [];
      const isWanted = (file: NeededFile) => !seen.has(file.path) && (file.with === undefined || seen.has(file.with));
      for (let i = 0; i < files.length; i += atOnce) {
        const some = files.slice(i, i + atOnce).filter(isWanted);
        for (const { path, remote } of await Promise.all(some.map(findOne))) {
          if (remote) found.push(remote);
          if (path) seen.add(path);
        }
        for (const { path } of some) seen.add(path);
      }
      return found;
    },
    fetch: (file) => fetchOne(dir, file, options),
  };
}

/** Whether the hub's file is not the one that is here. */
function isNew(dir: string, { path, etag }: FoundFile): boolean {
  const record = readRecord(dir);
  return !isComplete(dir, path, record) || record.files[path]?.etag !== etag;
}

/** Remembers which files the hub does not have: all of them, or those before the one that was found. */
function noteAbsent(dir: string, needed: NeededFile, found: string | undefined): void {
  const paths = pathsOf(needed);
  const absent = found === undefined ? paths : paths.slice(0, paths.indexOf(found));
  const record = readRecord(dir);
  if (absent.some((path) => !record.absent.includes(path)))
    amendRecord(dir, () => ({ absent: [...new Set([...record.absent, ...absent])] }));
}

/** Downloads a file, and notes which others hold its weights. */
async function fetchOne(dir: string, remote: FoundFile, options: HubOptions): Promise<void> {
  const { path } = remote;
  const entry = await downloadFile(remote, join(dir, path), options);
  amendRecord(dir, ({ absent, files, beside: { [path]: _, ...beside } }) => ({
    absent: absent.filter((p) => p !== path),
    files: { ...files, [path]: entry },
    beside,
  }));
  if (!mayNameOthers(path)) return;
  const names = readFilesBeside(dir, path);
  amendRecord(dir, ({ beside }) => ({ beside: { ...beside, [path]: names } }));
}
