// Path of an .onnx file → the names of the files beside it that hold its weights. Weights are skipped, not read, so the size of the file
// does not matter.
import { InputError } from '../errors.ts';
import { notOnnx, type WireFile, withWireFile } from './wire.ts';

/** Exports that give every tensor a file of its own have up to 3,000 of them. */
const MAX_LOCATIONS = 20_000;
const MAX_NAME_BYTES = 1024;
/** Of each folder or file in it: file systems take 255 bytes, of which a download in progress needs some. */
const MAX_PART_BYTES = 200;
/** Graphs in attributes of nodes in graphs. */
const MAX_DEPTH = 32;

/** Message → number of each field that leads to tensors → the message there (onnx.proto). */
const LEADS: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  function: { 7: 'node', 11: 'attribute' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
};

const EXTERNAL_DATA = 13;
const DATA_LOCATION = 14;
const EXTERNAL = 1;

/**
 * Names of external files, relative to the folder of the .onnx file, with forward slashes, each once, in the order in which they appear:
 * of initialisers, and of tensors in attributes, sub-graphs and functions. Throws MODEL_NOT_FOUND; MODEL_INVALID for a damaged file, and
 * for names that lead out of the folder.
 */
export function externalLocations(path: string): string[] {
  return withWireFile(path, (file) => {
    const found = new Set<string>();
    walk(file, { message: 'model', start: 0, end: file.size, depth: 0 }, (location) => {
      if (found.has(location)) return;
      if (!isInsideFolder(location)) throw outside(path, location);
      const longest = Math.max(...location.split('/').map((part) => Buffer.byteLength(part)));
      if (longest > MAX_PART_BYTES) throw tooLong(path, longest);
      if (found.size === MAX_LOCATIONS) throw notOnnx(path, `its weights lie in more than ${MAX_LOCATIONS} files`);
      found.add(location);
    });
    return [...found];
  });
}

interface Message {
  readonly message: string;
  readonly start: number;
  readonly end: number;
  readonly depth: number;
}

function walk(file: WireFile, { message, start, end, depth }: Message, onLocation: (location: string) => void): void {
  if (depth > MAX_DEPTH) throw notOnnx(file.path, `its graphs are nested more than ${MAX_DEPTH} deep`);
  for (const field of file.fields(start, end)) {
    const next = field.kind === 'bytes' ? LEADS[message][field.number] : undefined;
    if (next === 'tensor') {
      const location = locationOf(file, field.start, field.end);
      if (location !== undefined) onLocation(location);
    } else if (next) walk(file, { message: next, start: field.start, end: field.end, depth: depth + 1 }, onLocation);
  }
}

/** The file that a tensor's bytes lie in; undefined if it holds them itself. */
function locationOf(file: WireFile, start: number, end: number): string | undefined {
  let location: string | undefined;
  let isExternal = false;
  for (const { number, kind, value, ...entry } of file.fields(start, end)) {
    if (number === DATA_LOCATION && kind === 'varint') isExternal = value === EXTERNAL;
    if (number !== EXTERNAL_DATA || kind !== 'bytes') continue;
    const [key, text] = readEntry(file, entry.start, entry.end);
    if (key === 'location') location = text;
  }
  return isExternal ? (location ?? '') : undefined;
}

/** Key and value of a StringStringEntryProto. */
function readEntry(file: WireFile, start: number, end: number): [key: string, value: string] {
  const texts = ['', ''];
  for (const field of file.fields(start, end)) {
    if (field.kind !== 'bytes' || field.number > 2) continue;
    if (field.end - field.start > MAX_NAME_BYTES) throw tooLong(file.path, field.end - field.start);
    texts[field.number - 1] = new TextDecoder().decode(file.bytes(field.start, field.end));
  }
  return [texts[0], texts[1]];
}

/** Whether a location is a relative path of plain names. Names with a leading dot are left to the folder's owner: the record of downloads is one. */
export function isInsideFolder(location: string): boolean {
  const isPlain = (name: string) => name !== '' && !name.startsWith('.');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no file should have them in its name
  return !/[\\\u0000-\u001f]|^[a-z]:/i.test(location) && location.split('/').every(isPlain);
}

const tooLong = (path: string, bytes: number): InputError =>
  notOnnx(path, `the name of a file of weights has ${bytes} bytes`);

const outside = (path: string, location: string): InputError =>
  new InputError(
    'MODEL_INVALID',
    `${path} keeps weights in the file ${JSON.stringify(location)}, which is not beside it; such a model is not used.`,
  );
