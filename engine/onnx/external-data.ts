// A tensor whose bytes lie in a file beside the model → those bytes. The file is measured before memory is taken for it.
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { InputError } from '../errors.ts';
import { externalFilesOf } from './external-files.ts';
import { invalid } from './graph.ts';
import type { TensorMessage } from './proto.ts';

/** One call of read(2) takes less than 2 GiB. */
const MAX_READ = 2 ** 30;
/** Two tensors may share their bytes; a thousand that all claim the same gigabyte are an attack. */
const MAX_SHARING = 4;

/** Where a model's external data may lie, and how much of it was read. */
export interface ExternalSource {
  readonly source: string;
  /** Folders that the file may lie in, links resolved; its name is relative to the first. */
  readonly folders: readonly string[];
  /** Path → bytes that were read from it. */
  readonly taken: Map<string, number>;
}

/** The place of a tensor's external bytes, which are there. Throws MODEL_INVALID: outside the folders, too short, not the length that is claimed. */
export function findExternal(t: TensorMessage, expected: number, from: ExternalSource): Extent {
  const entry = (key: string) => t.externalData.find((e) => e.key === key)?.value;
  const offset = count(entry('offset') ?? '0');
  const length = count(entry('length') ?? String(expected));
  if (offset === undefined || length !== expected)
    throw invalid(
      from,
      `the tensor "${t.name}" needs ${expected} bytes of external data, but claims offset ${entry('offset') ?? 0} and length ${entry('length')}`,
    );
  const extent = { path: locate(t, entry('location') ?? '', from), offset, length };
  return orInvalid(from, extent, () => {
    withFile(extent, (_, size) => countTaken(extent, size, from));
    return extent;
  });
}

/** The bytes there. Throws MODEL_INVALID; `source` names the model. */
export const readExtent = (extent: Extent, source: string): Uint8Array =>
  orInvalid({ source }, extent, () => withFile(extent, (file) => readBytes(file, extent)));

export interface Extent {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

function orInvalid<T>({ source }: { source: string }, { path }: Extent, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new InputError(
      'MODEL_INVALID',
      `${source} keeps its weights in ${path}, which cannot be read: ${(error as Error).message}.`,
      { cause: error },
    );
  }
}

/** A whole number as the format writes it, in decimal; undefined if it is not one. */
const count = (text: string): number | undefined => {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
};

/** The file's path. Neither its name nor a link may lead out of the folders. */
function locate(t: TensorMessage, location: string, { source, folders }: ExternalSource): string {
  const outside = () =>
    invalid({ source }, `the tensor "${t.name}" points to the file "${location}", which is not beside the model`);
  const moved = externalFilesOf(source)?.get(location);
  if (moved) return moved;
  const [folder] = folders;
  if (!folder || isAbsolute(location) || !isInside(folder, resolve(folder, location))) throw outside();
  const path = resolve(folder, location);
  const real = realPath(path);
  // A file that is not there is for the reader to report.
  if (real && !folders.some((f) => isInside(realPath(f) ?? f, real))) throw outside();
  return path;
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** Opens the file, which is long enough. */
function withFile<T>({ path, offset, length }: Extent, use: (file: number, size: number) => T): T {
  // Opening a named pipe would wait for whoever writes to it.
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new Error('it is not a file');
    if (stat.size < offset + length) throw new Error(`it ends after ${stat.size} bytes; ${offset + length} are needed`);
    return use(file, stat.size);
  } finally {
    closeSync(file);
  }
}

function countTaken({ path, length }: Extent, size: number, { taken }: ExternalSource): void {
  const total = (taken.get(path) ?? 0) + length;
  if (total > MAX_SHARING * size) throw new Error(`the tensors claim more than ${MAX_SHARING} times its size`);
  taken.set(path, total);
}

function readBytes(file: number, { offset, length }: Extent): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const n = readSync(file, bytes, done, Math.min(length - done, MAX_READ), offset + done);
    if (n === 0) throw new Error(`it ends after ${offset + done} bytes; ${offset + length} are needed`);
    done += n;
  }
  return bytes;
}
