// A protobuf file of any size → its fields, one by one, without reading what a field holds: lengths are followed, contents are skipped.
// Wire format: protobuf.dev/programming-guides/encoding.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { InputError } from '../errors.ts';

/** A field, and where its content lies in the file. */
export interface Field {
  readonly number: number;
  readonly kind: 'varint' | 'fixed' | 'bytes';
  /** Of the field with its tag. */
  readonly at: number;
  /** Of its content: from `start` up to, but not including, `end`. */
  readonly start: number;
  readonly end: number;
  /** Of a varint; 0 for other kinds. Beyond 2^53 it is rounded. */
  readonly value: number;
}

export interface WireFile {
  readonly path: string;
  readonly size: number;
  /** The fields of the message between two places. Throws MODEL_INVALID where that is not a message. */
  fields(start: number, end: number): Iterable<Field>;
  /** Bytes of the file; at most MAX_BYTES. */
  bytes(start: number, end: number): Uint8Array;
}

/** Read at once: the headers of many small fields, few of the large ones that are skipped. */
const WINDOW_BYTES = 64 * 1024;
/** More than any field that is read as a whole has: the largest node of an export holds some MB. */
const MAX_BYTES = 256 * 2 ** 20;
/** Steps of one walk through a file: an export of 6,000 nodes has about a quarter of a million fields. */
const MAX_FIELDS = 20_000_000;

/** Opens a file for `use`, and closes it. Throws MODEL_NOT_FOUND, MODEL_INVALID. */
export function withWireFile<T>(path: string, use: (file: WireFile) => T): T {
  let handle: number;
  try {
    // Opening a named pipe would wait for whoever writes to it.
    handle = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw new InputError('MODEL_NOT_FOUND', `Cannot read the model file ${path}: ${(error as Error).message}.`, {
      cause: error,
    });
  }
  try {
    return use(makeWireFile(path, handle));
  } finally {
    closeSync(handle);
  }
}

/** The error for a file that is not what it should be. */
export const notOnnx = (path: string, why: string): InputError =>
  new InputError('MODEL_INVALID', `${path} is not an ONNX file, or it is damaged (${why}).`);

function makeWireFile(path: string, handle: number): WireFile {
  const stat = fstatSync(handle);
  if (!stat.isFile()) throw notOnnx(path, 'it is not a file');
  const { size } = stat;
  let window: Uint8Array = new Uint8Array(0);
  let windowStart = 0;
  let left = MAX_FIELDS;
  const read = (start: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const n = readSync(handle, bytes, done, length - done, start + done);
      if (n === 0) throw notOnnx(path, `it ends at byte ${start + done}`);
      done += n;
    }
    return bytes;
  };
  const isInWindow = (start: number, end: number) => start >= windowStart && end <= windowStart + window.length;
  const byteAt = (at: number): number => {
    if (!isInWindow(at, at + 1)) {
      windowStart = at;
      window = read(at, Math.min(WINDOW_BYTES, size - at));
    }
    return window[at - windowStart];
  };
  return {
    path,
    size,
    bytes: (start, end) => {
      if (end - start > MAX_BYTES) throw notOnnx(path, `a field of ${end - start} bytes where a small one is expected`);
      return isInWindow(start, end) ? window.slice(start - windowStart, end - windowStart) : read(start, end - start);
    },
    *fields(start, end) {
      for (let at = start; at < end; ) {
        if (left-- === 0) throw notOnnx(path, `it has more than ${MAX_FIELDS} fields`);
        const field = readField({ path, byteAt, at, end });
        yield field;
        at = field.end;
      }
    },
  };
}

interface Place {
  readonly path: string;
  readonly byteAt: (at: number) => number;
  readonly at: number;
  /** Of the message around it. */
  readonly end: number;
}

function readField(place: Place): Field {
  const { path, at, end } = place;
  const tag = readVarint(place);
  const number = Math.floor(tag.value / 8);
  if (number === 0) throw notOnnx(path, `no field begins at byte ${at}`);
  const content = { ...place, at: tag.next };
  const fieldTo = (kind: Field['kind'], start: number, length: number, value = 0): Field => {
    if (start + length > end) throw notOnnx(path, `the field at byte ${at} is longer than what holds it`);
    return { number, kind, at, start, end: start + length, value };
  };
  switch (tag.value % 8) {
    case 0: {
      const { value, next } = readVarint(content);
      return fieldTo('varint', tag.next, next - tag.next, value);
    }
    case 1:
      return fieldTo('fixed', tag.next, 8);
    case 2: {
      const { value, next } = readVarint(content);
      return fieldTo('bytes', next, value);
    }
    case 5:
      return fieldTo('fixed', tag.next, 4);
    default:
      throw notOnnx(path, `no field begins at byte ${at}`);
  }
}

/** Seven bits a byte, the lowest first; at most ten bytes. */
function readVarint({ path, byteAt, at, end }: Place): { value: number; next: number } {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    if (at + i >= end) throw notOnnx(path, `the field at byte ${at} is longer than what holds it`);
    const byte = byteAt(at + i);
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return { value, next: at + i + 1 };
  }
  throw notOnnx(path, `the number at byte ${at} has more than ten bytes`);
}
