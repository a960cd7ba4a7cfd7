// Path of an .onnx file → its graph alone. Large constants stay where they are, in the file or beside it, and are only named: what an
// export of some gigabytes computes is known in milliseconds and a few megabytes.
import { dirname, join } from 'node:path';
import { isInsideFolder } from './external-locations.ts';
import { invalid, type Model } from './graph.ts';
import { readModel } from './read.ts';
import { type ElementType, elementSize, elementTypeOf, sizeOf } from './tensor.ts';
import { type Field, notOnnx, type WireFile, withWireFile } from './wire.ts';

/** A constant whose bytes lie in a file. */
export interface StoredConstant {
  readonly name: string;
  readonly path: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly offset: number;
  readonly length: number;
}

export interface StoredGraph {
  /** Without the constants below. */
  readonly model: Model;
  /** Name → constant. */
  readonly weights: ReadonlyMap<string, StoredConstant>;
}

/** Smaller constants come with the graph: shapes, axes, factors. */
const SMALL_BYTES = 1024;
/** Of the graph without its large constants. */
const MAX_GRAPH_BYTES = 512 * 2 ** 20;
const MAX_RANK = 16;

/** Field numbers of onnx.proto. */
const MODEL = { graph: 7, training: 20 };
const GRAPH = { node: 1, doc: 10, initializer: 5, valueInfo: 13 };
const NODE = { output: 2, op: 4, attribute: 5 };
const ATTRIBUTE = { tensor: 5 };
const TENSOR = { dims: 1, type: 2, name: 8, raw: 9, external: 13, location: 14 };

/** Reads a graph. Throws MODEL_NOT_FOUND, MODEL_INVALID, MODEL_UNSUPPORTED. */
export function readGraph(path: string): StoredGraph {
  return withWireFile(path, (file) => {
    const weights = new Map<string, StoredConstant>();
    const [model, graph]: Uint8Array[][] = [[], []];
    let bytes = 0;
    const keep = (part: Uint8Array[], { at, end }: Field) => {
      bytes += end - at;
      if (bytes > MAX_GRAPH_BYTES) throw notOnnx(path, `its graph has more than ${MAX_GRAPH_BYTES} bytes`);
      part.push(file.bytes(at, end));
    };
    for (const field of file.fields(0, file.size)) {
      if (field.number === MODEL.training) continue;
      if (field.number !== MODEL.graph || field.kind !== 'bytes') {
        keep(model, field);
        continue;
      }
      for (const inner of file.fields(field.start, field.end)) {
        if (inner.number === GRAPH.doc || inner.number === GRAPH.valueInfo) continue;
        const stored = storedIn(file, inner);
        if (stored) weights.set(stored.name, stored);
        else keep(graph, inner);
      }
    }
    const message = Buffer.concat([...model, ...asField(MODEL.graph, graph)]);
    return { model: readModel(message, { source: path, folders: [dirname(path)], elsewhere: weights }), weights };
  });
}

/** The parts as the content of one field. */
function asField(number: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const header = [number * 8 + 2];
  let rest = parts.reduce((sum, part) => sum + part.length, 0);
  for (; rest >= 128; rest = Math.floor(rest / 128)) header.push((rest % 128) | 128);
  return [Uint8Array.from([...header, rest]), ...parts];
}

/** The large constant that a field of a graph holds: an initialiser, or the value of a Constant node. */
function storedIn(file: WireFile, field: Field): StoredConstant | undefined {
  if (field.kind !== 'bytes') return undefined;
  if (field.number === GRAPH.initializer) return storedTensor(file, field);
  return field.number === GRAPH.node ? constantNode(file, field) : undefined;
}

function constantNode(file: WireFile, { start, end }: Field): StoredConstant | undefined {
  let op = '';
  let output = '';
  let value: StoredConstant | undefined;
  for (const field of file.fields(start, end)) {
    if (field.number === NODE.op) op = textOf(file, field);
    if (field.number === NODE.output) output = textOf(file, field);
    if (field.number !== NODE.attribute || field.kind !== 'bytes') continue;
    for (const inner of file.fields(field.start, field.end))
      if (inner.number === ATTRIBUTE.tensor && inner.kind === 'bytes') value ??= storedTensor(file, inner);
  }
  return op === 'Constant' && value ? { ...value, name: output } : undefined;
}

/** A TensorProto whose bytes are many, or lie in another file; undefined for a small one. */
function storedTensor(file: WireFile, { start, end }: Field): StoredConstant | undefined {
  const dims: number[] = [];
  const entries = new Map<string, string>();
  let [code, name, isExternal]: [number, string, boolean] = [0, '', false];
  let raw: Field | undefined;
  for (const field of file.fields(start, end)) {
    if (field.number === TENSOR.dims) dims.push(...dimsOf(file, field));
    if (field.number === TENSOR.type) code = field.value;
    if (field.number === TENSOR.name) name = textOf(file, field);
    if (field.number === TENSOR.raw) raw = field;
    if (field.number === TENSOR.location) isExternal = field.value === 1;
    if (field.number === TENSOR.external) entries.set(...entryOf(file, field));
  }
  const inFile = raw !== undefined && raw.end - raw.start > SMALL_BYTES;
  if (!isExternal && !inFile) return undefined;
  const type = elementTypeOf(code);
  const needed = sizeOf(dims) * elementSize(type);
  const place = isExternal
    ? {
        path: pathOf(file, entries),
        offset: Number(entries.get('offset') ?? 0),
        length: Number(entries.get('length') ?? needed),
      }
    : { path: file.path, offset: raw!.start, length: raw!.end - raw!.start };
  if (place.length !== needed || !Number.isSafeInteger(place.offset) || place.offset < 0)
    throw invalid(
      { source: file.path },
      `the tensor "${name}" is ${type} [${dims}], which needs ${needed} bytes, but claims ${place.length} at ${place.offset}`,
    );
  return { name, type, dims, ...place };
}

function pathOf({ path }: WireFile, entries: ReadonlyMap<string, string>): string {
  const location = entries.get('location') ?? '';
  if (!isInsideFolder(location))
    throw invalid(
      { source: path },
      `a tensor points to the file ${JSON.stringify(location)}, which is not beside the model`,
    );
  return join(dirname(path), location);
}

/** One dim, or all of them packed. */
function dimsOf(file: WireFile, field: Field): number[] {
  if (field.kind === 'varint') return [field.value];
  const dims: number[] = [];
  let value = 0;
  let factor = 1;
  for (const byte of file.bytes(field.start, field.end)) {
    value += (byte & 127) * factor;
    factor *= 128;
    if (byte >= 128) continue;
    dims.push(value);
    if (dims.length > MAX_RANK) throw notOnnx(file.path, `a tensor has more than ${MAX_RANK} dims`);
    value = 0;
    factor = 1;
  }
  return dims;
}

const textOf = (file: WireFile, { start, end }: Field): string =>
  new TextDecoder().decode(file.bytes(start, Math.min(end, start + 4096)));

function entryOf(file: WireFile, entry: Field): [key: string, value: string] {
  const texts = ['', ''];
  for (const field of file.fields(entry.start, entry.end))
    if (field.number === 1 || field.number === 2) texts[field.number - 1] = textOf(file, field);
  return [texts[0], texts[1]];
}
