// The files that a model needs, as alternatives in order of preference, and which of them a folder lacks.
import { existsSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { externalLocations } from '../onnx/external-locations.ts';
import { isIndex, shardNames } from '../safetensors/weights.ts';
import { readRecord, type StoreRecord } from './store-record.ts';
import { type Dtype, preferred } from './variant.ts';

/** A file of a model, by its path in the folder, with forward slashes. */
export interface NeededFile {
  readonly path: string;
  /** Files that do as well, best first: they are asked for if the hub does not have `path`. */
  readonly or?: readonly string[];
  /** `path` was asked for by name: another one does only if the hub is known not to have it, or can't be asked. */
  readonly wished?: boolean;
  /** The model can do without it. */
  readonly optional?: boolean;
  /** It belongs to this file, and is needed only where that one is used. */
  readonly with?: string;
}

/** The file of a part in the precision asked for, or else in the next one; without a wish in the best that there is. `fileOf` names it. */
export function weightsFile(fileOf: (dtype: Dtype) => string, dtype: Dtype | undefined): NeededFile {
  const [path, ...or] = preferred(dtype).map(fileOf);
  return { path, or, wished: dtype !== undefined };
}

/** Its paths, best first. */
export const pathsOf = ({ path, or = [] }: NeededFile): readonly string[] => [path, ...or];

export interface MissingOptions {
  /** The hub can't be asked for what was wished: what is there will do. */
  readonly offline?: boolean;
}

/**
 * Files that are not there, or not as long as when they were downloaded; those that hold the weights of others included. Throws
 * MODEL_INVALID if a file that should name others is damaged.
 */
export function missing(dir: string, files: readonly NeededFile[], options: MissingOptions = {}): NeededFile[] {
  const record = readRecord(dir);
  const needed = files.filter((file) => file.with === undefined || existsSync(join(dir, file.with)));
  const beside = needed.flatMap((file) => {
    const path = usedPath(dir, file, record, options);
    return path !== undefined && isComplete(dir, path, record) ? filesBeside(dir, path, record) : [];
  });
  const all: NeededFile[] = [...needed, ...beside.map((path) => ({ path }))];
  return all.filter((file) => isMissing(dir, file, record, options));
}

/** Whether that holds for one file; a file that the hub is known not to have is not missing. */
export function isMissing(dir: string, file: NeededFile, record: StoreRecord, options: MissingOptions = {}): boolean {
  const path = usedPath(dir, file, record, options);
  if (path !== undefined) return !isComplete(dir, path, record);
  return !(file.optional && pathsOf(file).every((p) => record.absent.includes(p)));
}

/** The first of a file's paths that is there. */
export const presentPath = (dir: string, file: NeededFile): string | undefined =>
  pathsOf(file).find((path) => existsSync(join(dir, path)));

/** The one that is used: the first that is there, unless a better one was wished and the hub may have it. */
export function usedPath(
  dir: string,
  file: NeededFile,
  record: StoreRecord,
  { offline }: MissingOptions = {},
): string | undefined {
  const path = presentPath(dir, file);
  if (path === undefined || !file.wished || offline) return path;
  const better = pathsOf(file).slice(0, pathsOf(file).indexOf(path));
  return better.every((p) => record.absent.includes(p)) ? path : undefined;
}

/** Whether a file is there and as long as when it was downloaded. */
export function isComplete(dir: string, path: string, record: StoreRecord): boolean {
  const info = statSync(join(dir, path), { throwIfNoEntry: false });
  return info !== undefined && (record.files[path]?.size ?? info.size) === info.size && info.size > 0;
}

/** Whether a file can name others that hold the weights. */
export const mayNameOthers = (path: string): boolean => path.endsWith('.onnx') || isIndex(path);

/** The files that hold the weights of one that is there: as noted when it was downloaded, or as it says itself. Throws MODEL_INVALID. */
export const filesBeside = (dir: string, path: string, record: StoreRecord): readonly string[] =>
  record.beside[path] ?? readFilesBeside(dir, path);

/** The same, always from the file: an .onnx file's external data, or the shards of an index. */
export function readFilesBeside(dir: string, path: string): string[] {
  const inFolder = (names: readonly string[]) => names.map((name) => posix.join(posix.dirname(path), name));
  if (path.endsWith('.onnx')) return inFolder(externalLocations(join(dir, path)));
  return isIndex(path) ? inFolder(shardNames(join(dir, path))) : [];
}
