// Hub id → a complete model folder in the cache: only files that are missing or damaged are downloaded.
import { join, posix } from 'node:path';
import { InputError } from '../errors.ts';
import type { HubId } from '../hub-id.ts';
import { cacheFolder, findInHubCache, isOffline } from './cache.ts';
import { transformersJs } from './clip-layouts/transformers-js.ts';
import { type DownloadProgress, downloadFile } from './download.ts';
import { withLock } from './lock.ts';
import {
  externalData,
  isComplete,
  isMissing,
  missing,
  type NeededFile,
  pathsOf,
  presentPath,
  weightsFile,
} from './needed-files.ts';
import { fetchMeta, HubError, type RemoteFile, type Transport } from './requests.ts';
import { readRecord, writeRecord } from './store-record.ts';
import { checkDtype, type Dtype } from './variant.ts';

export type { DownloadProgress } from './download.ts';

export interface HubOptions {
  cacheDir?: string;
  offline?: boolean;
  endpoint?: string;
  dtype?: Dtype | string;
  onProgress?: (progress: DownloadProgress) => void;
  /** Takes a sentence for people, such as that another precision is used than the one asked for. */
  onNote?: (note: string) => void;
  signal?: AbortSignal;
  /** Look for newer versions of complete files, too. */
  refresh?: boolean;
  /** Replaceable by tests: waiting between attempts, and limits. */
  transport?: Partial<Transport>;
}

const neededFiles = (dtype: Dtype | undefined): NeededFile[] => [
  { path: 'config.json' },
  { path: 'tokenizer.json' },
  { path: 'tokenizer_config.json' },
  { path: 'preprocessor_config.json', optional: true },
  weightsFile((d) => transformersJs.towerFile('text', d), dtype),
  { ...weightsFile((d) => transformersJs.towerFile('vision', d), dtype), optional: true },
];

/**
 * Returns the folder of a hub model: from the cache, from the hub's own cache on this machine, or downloaded.
 * Throws MODEL_NOT_FOUND, MODEL_UNSUPPORTED, MODEL_INVALID (damaged, and offline) or DOWNLOAD_FAILED.
 */
export const pullModel = (id: HubId, options: HubOptions = {}): Promise<string> =>
  pullFolder(id, neededFiles(checkDtype(options.dtype)), options);

/** The same for any list of files; external weights that its .onnx files refer to are fetched with them. */
export async function pullFolder(id: HubId, files: readonly NeededFile[], options: HubOptions = {}): Promise<string> {
  const dir = cacheFolder(id, options.cacheDir);
  if (!options.refresh) {
    if (missing(dir, files).length === 0) return dir;
    const shared = options.cacheDir === undefined ? findInHubCache(id) : undefined;
    if (shared && files.every((file) => presentPath(shared, file))) return shared;
  }
  if (options.offline ?? isOffline()) return offlineFolder(id, dir, files);
  return withLock(dir, { signal: options.signal, wait: options.transport?.wait }, async () => {
    await pullFiles(id, dir, files, options);
    return dir;
  });
}

function offlineFolder({ repo }: HubId, dir: string, files: readonly NeededFile[]): string {
  const lacking = missing(dir, files).filter((f) => !f.optional || presentPath(dir, f));
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

async function pullFiles(id: HubId, dir: string, files: readonly NeededFile[], options: HubOptions): Promise<void> {
  const todo = [...files];
  let commit: string | undefined;
  for (let i = 0; i < todo.length; i++) {
    const needed = todo[i];
    if (options.refresh || isMissing(dir, needed, readRecord(dir))) {
      // All files come from the commit of the first, even if the branch moves in the meantime.
      const remote = await findRemote({ ...id, revision: commit ?? id.revision }, needed, options);
      commit ??= remote?.commit;
      noteAbsent(dir, needed, remote?.path);
      if (remote && isNew(dir, remote)) await fetchOne(dir, remote, options);
    }
    const path = presentPath(dir, needed);
    if (path?.endsWith('.onnx'))
      todo.push(...externalData(join(dir, path)).map((name) => ({ path: posix.join(posix.dirname(path), name) })));
  }
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
    writeRecord(dir, { ...record, absent: [...new Set([...record.absent, ...absent])] });
}

async function fetchOne(dir: string, remote: FoundFile, options: HubOptions): Promise<void> {
  const entry = await downloadFile(remote, join(dir, remote.path), options);
  const record = readRecord(dir);
  const absent = record.absent.filter((path) => path !== remote.path);
  writeRecord(dir, { absent, files: { ...record.files, [remote.path]: entry } });
}

type FoundFile = RemoteFile & { readonly path: string };

/** The first of a file's paths that the hub has; undefined if it has none and the file is optional. */
async function findRemote(id: HubId, needed: NeededFile, options: HubOptions): Promise<FoundFile | undefined> {
  const endpoint = (options.endpoint ?? process.env.HF_ENDPOINT ?? 'https://huggingface.co').replace(/(?<!\/)\/+$/, '');
  let refusal: HubError | undefined;
  for (const path of pathsOf(needed)) {
    const url = `${endpoint}/${id.repo}/resolve/${encodeURIComponent(id.revision)}/${path}`;
    try {
      return { ...(await fetchMeta(url, options)), path };
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      refusal ??= error;
      if (error.reason !== 'file') break;
    }
  }
  if (refusal?.reason === 'file' && needed.optional) return undefined;
  throw explain(refusal!, { ...id, endpoint, path: needed.path });
}

/** A hub's refusal in words for the user. */
function explain(error: HubError, at: HubId & { endpoint: string; path: string }): InputError {
  const { repo, endpoint, path, revision } = at;
  const options = { cause: error };
  if (error.reason === 'denied')
    return new InputError(
      'DOWNLOAD_FAILED',
      process.env.HF_TOKEN
        ? `${endpoint} denies access to ${repo} (status ${error.status}): HF_TOKEN is not valid for it; accept the model's terms at ${endpoint}/${repo}.`
        : `${endpoint} denies access to ${repo} (status ${error.status}): there is no such model, or it needs a login; then accept its terms at ${endpoint}/${repo} and set HF_TOKEN.`,
      options,
    );
  if (error.reason === 'file' && path.startsWith('onnx/text_model'))
    return new InputError(
      'MODEL_UNSUPPORTED',
      `${repo} has no ${path}: only exports with separate text and vision towers can be used, such as Xenova/clip-vit-base-patch32.`,
      options,
    );
  const what = error.reason === 'file' ? `${repo} at ${revision} has no ${path}` : `There is no model ${repo}`;
  return new InputError('MODEL_NOT_FOUND', `${what} at ${endpoint} (status ${error.status}).`, options);
}
