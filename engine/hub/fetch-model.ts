// Hub id → a complete model folder in the cache: what is missing or damaged is downloaded, and nothing else.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { InputError } from '../errors.ts';
import { cacheFolder, findInHubCache, isOffline } from './cache.ts';
import { type DownloadProgress, downloadFile } from './download.ts';
import type { HubId } from './hub-id.ts';
import { withLock } from './lock.ts';
import { fetchMeta, HubError, type RemoteFile, type Transport } from './requests.ts';
import { readRecord, type StoreRecord, writeRecord } from './store-record.ts';
import { type Dtype, towerFile } from './variant.ts';

export type { DownloadProgress } from './download.ts';

export interface HubOptions {
  cacheDir?: string;
  offline?: boolean;
  endpoint?: string;
  dtype?: Dtype | string;
  onProgress?: (progress: DownloadProgress) => void;
  signal?: AbortSignal;
  /** Look for a newer version of files that are complete. */
  refresh?: boolean;
  /** Replaceable by tests: waiting between attempts, and limits. */
  transport?: Partial<Transport>;
}

/** A file of a model, by its path in the folder, with forward slashes. */
export interface NeededFile {
  readonly path: string;
  /** A model can do without. */
  readonly optional?: boolean;
}

const neededFiles = (dtype: Dtype): NeededFile[] => [
  { path: 'config.json' },
  { path: 'tokenizer.json' },
  { path: 'tokenizer_config.json' },
  { path: 'preprocessor_config.json', optional: true },
  { path: towerFile('text', dtype) },
  { path: towerFile('vision', dtype), optional: true },
];

/**
 * Returns the folder of a hub model: from the cache, from the hub's own cache on this machine, or downloaded.
 * Throws MODEL_NOT_FOUND, MODEL_UNSUPPORTED, MODEL_INVALID (damaged, and offline) or DOWNLOAD_FAILED.
 */
export const pullModel = (id: HubId, options: HubOptions = {}): Promise<string> =>
  pullFolder(id, neededFiles((options.dtype ?? 'fp32') as Dtype), options);

/** The same for any list of files; the external weights that its .onnx files name come along. */
export async function pullFolder(id: HubId, files: readonly NeededFile[], options: HubOptions = {}): Promise<string> {
  const dir = cacheFolder(id, options.cacheDir);
  if (!options.refresh) {
    if (missing(dir, files).length === 0) return dir;
    const shared = options.cacheDir === undefined ? findInHubCache(id) : undefined;
    if (shared && files.every((f) => existsSync(join(shared, f.path)))) return shared;
  }
  if (options.offline ?? isOffline()) return offlineFolder(id, dir, files);
  return withLock(dir, { signal: options.signal, wait: options.transport?.wait }, async () => {
    await pullFiles(id, dir, files, options);
    return dir;
  });
}

/** Files that are not there, or not as long as when they were downloaded. */
function missing(dir: string, files: readonly NeededFile[]): NeededFile[] {
  const record = readRecord(dir);
  const external = Object.keys(record.files).filter((path) => files.some((f) => isWeightsOf(path, f.path)));
  const all = [...files, ...external.map((path) => ({ path }))];
  return all.filter(({ path }) => !record.absent.includes(path) && !isComplete(dir, path, record));
}

function isComplete(dir: string, path: string, record: StoreRecord): boolean {
  const info = statSync(join(dir, path), { throwIfNoEntry: false });
  return info !== undefined && (record.files[path]?.size ?? info.size) === info.size && info.size > 0;
}

function offlineFolder({ repo }: HubId, dir: string, files: readonly NeededFile[]): string {
  const lacking = missing(dir, files).filter((f) => !f.optional || existsSync(join(dir, f.path)));
  if (lacking.length === 0) return dir;
  const path = join(dir, lacking[0].path);
  if (existsSync(path))
    throw new InputError(
      'MODEL_INVALID',
      `${path} is damaged (its size is not the downloaded one); delete it or go online.`,
    );
  throw new InputError(
    'MODEL_NOT_FOUND',
    `${repo} is not complete on this machine, and nothing is downloaded now (HF_HUB_OFFLINE=1, or a command that stays offline): put ${lacking.map((f) => f.path).join(', ')} into ${dir}, or run "pez-nodes models pull ${repo}" with a network.`,
  );
}

async function pullFiles(id: HubId, dir: string, files: readonly NeededFile[], options: HubOptions): Promise<void> {
  const todo = [...files];
  let commit: string | undefined;
  for (let i = 0; i < todo.length; i++) {
    const { path, optional } = todo[i];
    const record = readRecord(dir);
    const complete = record.absent.includes(path) || isComplete(dir, path, record);
    if (!complete || options.refresh) {
      // All files come from the commit of the first, even if the branch moves meanwhile.
      const remote = await findRemote({ ...id, revision: commit ?? id.revision }, path, optional, options);
      commit ??= remote?.commit;
      if (!remote) writeRecord(dir, { ...record, absent: [...new Set([...record.absent, path])] });
      else if (!complete || record.files[path]?.etag !== remote.etag) await fetchOne(dir, path, remote, options);
    }
    if (path.endsWith('.onnx') && existsSync(join(dir, path)))
      todo.push(...externalData(join(dir, path)).map((name) => ({ path: posix.join(posix.dirname(path), name) })));
  }
}

async function fetchOne(dir: string, path: string, remote: RemoteFile, options: HubOptions): Promise<void> {
  const entry = await downloadFile(remote, join(dir, path), options);
  const record = readRecord(dir);
  const absent = record.absent.filter((p) => p !== path);
  writeRecord(dir, { absent, files: { ...record.files, [path]: entry } });
}

async function findRemote(
  id: HubId,
  path: string,
  optional: boolean | undefined,
  options: HubOptions,
): Promise<RemoteFile | undefined> {
  const endpoint = (options.endpoint ?? process.env.HF_ENDPOINT ?? 'https://huggingface.co').replace(/\/+$/, '');
  const url = `${endpoint}/${id.repo}/resolve/${encodeURIComponent(id.revision)}/${path}`;
  try {
    return await fetchMeta(url, options);
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    if (error.reason === 'file' && optional) return undefined;
    throw explain(error, { ...id, endpoint, path });
  }
}

/** What a hub's refusal means to the user. */
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

/** Files with external weights are small themselves; larger ones carry their weights inside. */
const MAX_SCANNED_BYTES = 64 * 2 ** 20;

/** Names of the files beside an .onnx file that hold its weights: `model.onnx_data`, `…_data_1`, diffusers' `weights.pb`. */
function externalData(path: string): string[] {
  if (statSync(path).size > MAX_SCANNED_BYTES) return [];
  const names = readFileSync(path, 'latin1').match(/[\w.-]+\.onnx[._]data(?:_\d+)?|\bweights\.pb\b/g) ?? [];
  return [...new Set(names)];
}

/** Whether a downloaded file holds the weights of that .onnx file. */
const isWeightsOf = (path: string, onnx: string): boolean =>
  (path !== onnx && path.startsWith(onnx)) || path === posix.join(posix.dirname(onnx), 'weights.pb');
