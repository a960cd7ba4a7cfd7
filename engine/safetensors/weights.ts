// Path of a .safetensors file, or of the index of a sharded one → its weights by name: type, dims, and where their bytes lie.
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { InputError } from '../errors.ts';
import { type ElementType, elementSize, type Tensor } from '../onnx/tensor.ts';
import { readSafetensorsHeader, type StoredTensor } from './header.ts';

/** A tensor that stays in its file. */
export interface Weight {
  /** In the file. */
  readonly name: string;
  readonly path: string;
  readonly type: ElementType;
  /** Of the bytes, row-major; a view may differ from what the file says (see `reshaped`). */
  readonly dims: readonly number[];
  readonly offset: number;
  readonly length: number;
}

export interface Weights {
  /** For messages: the path that was opened. */
  readonly source: string;
  readonly names: ReadonlySet<string>;
  /** The weight of that name; undefined if there is none. Throws MODEL_UNSUPPORTED for element types that nothing here computes with. */
  get(name: string): Weight | undefined;
  /** Shape of a weight without a look at its type. */
  dims(name: string): readonly number[] | undefined;
  /** `__metadata__` of the first file. */
  readonly metadata: ReadonlyMap<string, string>;
}

const TYPES: Readonly<Record<string, ElementType>> = {
  F16: 'float16',
  BF16: 'bfloat16',
  F32: 'float32',
  F64: 'float64',
  F8_E4M3: 'float8e4m3fn',
  F8_E5M2: 'float8e5m2',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U8: 'uint8',
  BOOL: 'bool',
};

/** `x.safetensors.index.json`; of half precision: `x.safetensors.index.fp16.json`. */
const INDEX = /\.safetensors\.index(\.\w+)?\.json$/;
const PICKLES = new Set(['.ckpt', '.pt', '.pth', '.bin']);
const MAX_INDEX_BYTES = 64 * 2 ** 20;
const MAX_SHARDS = 1000;

/**
 * Opens `x.safetensors` or `x.safetensors.index.json`. Only headers are read. Throws MODEL_NOT_FOUND, MODEL_INVALID, and
 * MODEL_UNSUPPORTED for a pickle.
 */
export function openWeights(path: string): Weights {
  if (PICKLES.has(extname(path).toLowerCase())) throw pickle(path);
  const shards = isIndex(path) ? shardNames(path).map((name) => join(dirname(path), name)) : [path];
  const found = new Map<string, { stored: StoredTensor; path: string }>();
  let metadata: ReadonlyMap<string, string> | undefined;
  for (const shard of shards) {
    const header = readSafetensorsHeader(shard);
    metadata ??= header.metadata;
    for (const [name, stored] of header.tensors) {
      if (found.has(name))
        throw new InputError('MODEL_INVALID', `${path}: "${name}" stands in more than one of its files.`);
      found.set(name, { stored, path: shard });
    }
  }
  return {
    source: path,
    names: new Set(found.keys()),
    metadata: metadata ?? new Map(),
    dims: (name) => found.get(name)?.stored.dims,
    get: (name) => {
      const entry = found.get(name);
      return entry && weightOf(name, entry.stored, entry.path);
    },
  };
}

/** A pickle is a program: reading one may run whatever its author put in. */
export const pickle = (path: string): InputError =>
  new InputError(
    'MODEL_UNSUPPORTED',
    `${path} is a pickle, which can run code when it is read, so it is refused. Use a .safetensors file: most models are offered as one, and in Python "safetensors.torch.save_file(torch.load('${basename(path)}', weights_only=True), 'model.safetensors')" makes one of a flat state dict.`,
  );

function weightOf(name: string, { dtype, dims, offset, length }: StoredTensor, path: string): Weight {
  const type = TYPES[dtype];
  if (type) return { name, path, type, dims, offset, length };
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `The tensor "${name}" of ${path} is of type ${dtype}; ${Object.keys(TYPES).slice(0, 6).join(', ')} can be used.`,
  );
}

/** Whether a path is that of the index of a sharded model. */
export const isIndex = (path: string): boolean => INDEX.test(path);

/** The names of the files of an index, which lie beside it, sorted. Throws MODEL_NOT_FOUND, MODEL_INVALID. */
export function shardNames(path: string): string[] {
  const names = [...new Set(Object.values(weightMap(path)))];
  if (names.length === 0 || names.length > MAX_SHARDS)
    throw badIndex(path, `it lists ${names.length} files; 1 to ${MAX_SHARDS} are expected`);
  for (const name of names)
    if (typeof name !== 'string' || name !== basename(name) || name.includes('\\') || !name.endsWith('.safetensors'))
      throw badIndex(path, `${JSON.stringify(name)} is not the name of a .safetensors file beside it`);
  return (names as string[]).sort();
}

function weightMap(path: string): Record<string, unknown> {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) throw new InputError('MODEL_NOT_FOUND', `There is no file ${path}.`);
  if (size > MAX_INDEX_BYTES) throw badIndex(path, `it has ${size} bytes; the limit is ${MAX_INDEX_BYTES}`);
  let index: unknown;
  try {
    index = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw badIndex(path, (error as Error).message, error);
  }
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== 'object' || map === null) throw badIndex(path, 'it has no "weight_map"');
  return map as Record<string, unknown>;
}

const badIndex = (path: string, why: string, cause?: unknown): InputError =>
  new InputError('MODEL_INVALID', `${path} is not the index of a sharded model: ${why}.`, { cause });

/** The same bytes under other dims of the same size: a 1×1 convolution [C, C, 1, 1] is a matrix [C, C]. */
export function reshaped(weight: Weight, dims: readonly number[]): Weight {
  const size = (d: readonly number[]) => d.reduce((a, b) => a * b, 1);
  if (size(dims) !== size(weight.dims))
    throw new RangeError(`${weight.name} is [${weight.dims}] and cannot be read as [${dims}]`);
  return { ...weight, dims };
}

/** Rows `from` to `to` − 1 of the first axis: OpenCLIP keeps the three projections of attention in one matrix. */
export function rows(weight: Weight, from: number, to: number): Weight {
  const [count, ...rest] = weight.dims;
  if (!(from >= 0 && from < to && to <= count))
    throw new RangeError(`${weight.name} has ${count} rows; ${from} to ${to} were asked for`);
  const row = weight.length / count;
  return { ...weight, dims: [to - from, ...rest], offset: weight.offset + from * row, length: (to - from) * row };
}

/** Reads a weight's bytes; for the small ones, such as a LoRA's alpha. Throws MODEL_INVALID. */
export function readWeight({ name, path, type, dims, offset, length }: Weight): Tensor {
  if (length !== dims.reduce((a, b) => a * b, 1) * elementSize(type))
    throw new InputError(
      'MODEL_INVALID',
      `"${name}" of ${path} has ${length} bytes, which ${type} [${dims}] does not.`,
    );
  const bytes = new Uint8Array(length);
  const file = openSync(path, 'r');
  try {
    for (let done = 0; done < length; ) {
      const n = readSync(file, bytes, done, Math.min(length - done, 2 ** 30), offset + done);
      if (n === 0) throw new InputError('MODEL_INVALID', `${path} ends inside "${name}".`);
      done += n;
    }
  } finally {
    closeSync(file);
  }
  return { type, dims, bytes };
}
