// The files that a model needs, as alternatives in order of preference, and which of them a folder lacks.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { readRecord, type StoreRecord } from './store-record.ts';
import { type Dtype, dtypes } from './variant.ts';

/** A file of a model, by its path in the folder, with forward slashes. */
export interface NeededFile {
  readonly path: string;
  /** Files that do as well, best first: they are asked for if the hub does not have `path`. */
  readonly or?: readonly string[];
  /** The model can do without it. */
  readonly optional?: boolean;
}

/** The .onnx file of a part in the precision asked for, or in the best that there is. `fileOf` names it. */
export function weightsFile(fileOf: (dtype: Dtype) => string, dtype: Dtype | undefined): NeededFile {
  const [path, ...or] = (dtype ? [dtype] : dtypes).map(fileOf);
  return { path, or };
}

/** Its paths, best first. */
export const pathsOf = ({ path, or = [] }: NeededFile): readonly string[] => [path, ...or];

/** Files that are not there, or not as long as when they were downloaded. */
export function missing(dir: string, files: readonly NeededFile[]): NeededFile[] {
  const record = readRecord(dir);
  const present = files.flatMap((file) => presentPath(dir, file) ?? []);
  const external = Object.keys(record.files).filter((path) => present.some((onnx) => isWeightsOf(path, onnx)));
  const all: NeededFile[] = [...files, ...external.map((path) => ({ path }))];
  return all.filter((file) => isMissing(dir, file, record));
}

/** Whether that holds for one file; a file that the hub is known not to have is not missing. */
export function isMissing(dir: string, file: NeededFile, record: StoreRecord): boolean {
  const path = presentPath(dir, file);
  if (path !== undefined) return !isComplete(dir, path, record);
  return !(file.optional && pathsOf(file).every((p) => record.absent.includes(p)));
}

/** The first of a file's paths that is there, which is the one that is used. */
export const presentPath = (dir: string, file: NeededFile): string | undefined =>
  pathsOf(file).find((path) => existsSync(join(dir, path)));

/** Whether a file is there and as long as when it was downloaded. */
export function isComplete(dir: string, path: string, record: StoreRecord): boolean {
  const info = statSync(join(dir, path), { throwIfNoEntry: false });
  return info !== undefined && (record.files[path]?.size ?? info.size) === info.size && info.size > 0;
}

/** An .onnx file whose weights are external is small; larger ones contain their weights. */
const MAX_SCANNED_BYTES = 64 * 2 ** 20;

/** Names are at most as long as files may be: without the limit, a long run of letters would take quadratic time. */
const EXTERNAL_NAME = /[\w.-]{1,240}\.onnx[._]data(?:_\d{1,9})?|\bweights\.pb\b/g;

/** Names of the files beside an .onnx file that hold its weights: `model.onnx_data`, `…_data_1`, diffusers' `weights.pb`. */
export function externalData(path: string): string[] {
  if (statSync(path).size > MAX_SCANNED_BYTES) return [];
  const names = readFileSync(path, 'latin1').match(EXTERNAL_NAME) ?? [];
  return [...new Set(names)];
}

/** Whether a downloaded file holds the weights of that .onnx file. */
const isWeightsOf = (path: string, onnx: string): boolean =>
  (path !== onnx && path.startsWith(onnx)) || path === posix.join(posix.dirname(onnx), 'weights.pb');
