// Path of a .safetensors file → its header: which tensors it holds, and where their bytes lie. The weights themselves are not read.
//
//   file = length of the header (8 bytes, little-endian) ‖ header (JSON: name → { dtype, shape, data_offsets }) ‖ data
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { InputError } from '../errors.ts';

/** A tensor of the file. `dtype` is the format's word: F16, BF16, F32, F8_E4M3, I64, … */
export interface StoredTensor {
  readonly dtype: string;
  readonly dims: readonly number[];
  /** Of its first byte, from the start of the file. */
  readonly offset: number;
  readonly length: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** What the file's author wrote about it: titles, training settings, … */
  readonly metadata: ReadonlyMap<string, string>;
}

/** The limit of the format's own reader. */
const MAX_HEADER_BYTES = 100_000_000;
/** The largest checkpoints have some thousands. */
const MAX_TENSORS = 100_000;
const MAX_RANK = 16;
const MAX_NAME = 1024;

/** Bits of an element. Types that are not here may stand in a file as long as nothing reads them. */
const BITS: Readonly<Record<string, number>> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  I64: 64,
  U64: 64,
  F64: 64,
};

/**
 * Reads and checks a header: every tensor lies inside the file, has as many bytes as its type and shape need, and the tensors cover the
 * data without overlaps or holes. Throws MODEL_NOT_FOUND or MODEL_INVALID.
 */
export function readSafetensorsHeader(path: string): SafetensorsHeader {
  const file = open(path);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw damaged(path, 'it is not a file');
    const bytes = readHeaderBytes(file, stat.size, path);
    const start = 8 + bytes.length;
    const header = parse(bytes, path);
    const tensors = tensorsOf(header, { path, start, size: stat.size });
    checkCover(tensors, { path, start, size: stat.size });
    return { tensors, metadata: metadataOf(header) };
  } finally {
    closeSync(file);
  }
}

function open(path: string): number {
  try {
    // Opening a named pipe would wait for whoever writes to it.
    return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new InputError(
      'MODEL_NOT_FOUND',
      missing ? `There is no file ${path}.` : `Cannot read ${path}: ${(error as Error).message}.`,
      { cause: error },
    );
  }
}

function readHeaderBytes(file: number, size: number, path: string): Buffer {
  const prefix = Buffer.alloc(8);
  if (readSync(file, prefix, 0, 8, 0) < 8)
    throw damaged(path, `it has ${size} bytes, fewer than the 8 that come first`);
  const length = prefix.readBigUInt64LE();
  if (length > MAX_HEADER_BYTES)
    throw damaged(path, `its header would take ${length} bytes; the limit is ${MAX_HEADER_BYTES}`);
  if (8 + Number(length) > size) throw damaged(path, `it ends inside its header, after ${size} bytes`);
  const bytes = Buffer.alloc(Number(length));
  for (let done = 0; done < bytes.length; ) {
    const n = readSync(file, bytes, done, bytes.length - done, 8 + done);
    if (n === 0) throw damaged(path, 'it ends inside its header');
    done += n;
  }
  return bytes;
}

function parse(bytes: Buffer, path: string): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw damaged(path, 'its header is not JSON', error);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw damaged(path, 'its header is not a JSON object');
  return header as Record<string, unknown>;
}

interface Extent {
  readonly path: string;
  /** Where the data begins. */
  readonly start: number;
  /** Bytes of the whole file. */
  readonly size: number;
}

function tensorsOf(header: Record<string, unknown>, extent: Extent): Map<string, StoredTensor> {
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__');
  if (entries.length > MAX_TENSORS)
    throw damaged(extent.path, `it lists ${entries.length} tensors; the limit is ${MAX_TENSORS}`);
  return new Map(entries.map(([name, entry]) => [name, tensorOf(name, entry, extent)]));
}

function tensorOf(name: string, entry: unknown, { path, start, size }: Extent): StoredTensor {
  const wrong = (what: string) => damaged(path, `its tensor "${name.slice(0, MAX_NAME)}" ${what}`);
  if (name.length > MAX_NAME) throw wrong(`has a name of ${name.length} characters`);
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (typeof dtype !== 'string' || !isCounts(shape) || !isCounts(offsets) || offsets.length !== 2)
    throw wrong('lacks dtype, shape or data_offsets');
  if (shape.length > MAX_RANK) throw wrong(`has ${shape.length} dimensions; the limit is ${MAX_RANK}`);
  const [from, to] = offsets;
  if (to < from) throw wrong(`ends before it begins, at ${to} and ${from}`);
  if (start + to > size)
    throw damaged(
      path,
      `its tensor "${name}" ends at byte ${start + to}, but the file at ${size}; it was probably not downloaded to its end`,
    );
  const bits = BITS[dtype];
  const needed = bits && (shape.reduce((a, b) => a * b, 1) * bits) / 8;
  if (needed !== undefined && needed !== to - from)
    throw wrong(`is ${dtype} [${shape}], which takes ${needed} bytes, but has ${to - from}`);
  return { dtype, dims: shape, offset: start + from, length: to - from };
}

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

/** No two tensors share bytes, and no bytes belong to none: they could hold anything. */
function checkCover(tensors: ReadonlyMap<string, StoredTensor>, { path, start, size }: Extent): void {
  const sorted = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length);
  let end = start;
  for (const [name, { offset, length }] of sorted) {
    if (offset < end) throw damaged(path, `its tensor "${name}" overlaps the one before it`);
    if (offset > end) throw damaged(path, `${offset - end} bytes before its tensor "${name}" belong to no tensor`);
    end = offset + length;
  }
  if (end !== size) throw damaged(path, `${size - end} bytes at its end belong to no tensor`);
}

function metadataOf(header: Record<string, unknown>): Map<string, string> {
  const metadata = Object.hasOwn(header, '__metadata__') ? header.__metadata__ : {};
  if (typeof metadata !== 'object' || metadata === null) return new Map();
  return new Map(Object.entries(metadata).filter(([, value]) => typeof value === 'string'));
}

const damaged = (path: string, why: string, cause?: unknown): InputError =>
  new InputError('MODEL_INVALID', `${path} is not a sound .safetensors file: ${why}.`, { cause });
