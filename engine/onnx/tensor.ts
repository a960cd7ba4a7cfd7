// A constant: element type, dims and little-endian bytes, as in ONNX's TensorProto.raw_data.
import { InputError } from '../errors.ts';
import {
  bfloatToNumber,
  e4m3ToNumber,
  e5m2ToNumber,
  halfToNumber,
  isNarrow,
  type NarrowFloat,
  numbersOfBits,
  toBfloatBits,
  toHalfBits,
} from './half-bits.ts';

/** Element types by ONNX's TensorProto.DataType number, with the size of one element in bytes. */
const TYPES = {
  float32: { code: 1, size: 4 },
  uint8: { code: 2, size: 1 },
  int8: { code: 3, size: 1 },
  uint16: { code: 4, size: 2 },
  int16: { code: 5, size: 2 },
  int32: { code: 6, size: 4 },
  int64: { code: 7, size: 8 },
  bool: { code: 9, size: 1 },
  float16: { code: 10, size: 2 },
  float64: { code: 11, size: 8 },
  uint32: { code: 12, size: 4 },
  uint64: { code: 13, size: 8 },
  bfloat16: { code: 16, size: 2 },
  float8e4m3fn: { code: 17, size: 1 },
  float8e5m2: { code: 19, size: 1 },
} as const;

export type ElementType = keyof typeof TYPES;

export interface Tensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** Little-endian, dense, row-major; length = product(dims) · size of one element. Of a stored tensor they are read each time they are asked for. */
  readonly bytes: Uint8Array;
  /** Where the bytes lie, if they were left there. */
  readonly stored?: StoredBytes;
}

/** Bytes in a file beside a model, in an element type that may be narrower than the tensor's. */
export interface StoredBytes {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  readonly type: ElementType;
}

/** A tensor whose bytes `read` gives, each time that they are asked for. */
export function storedTensor(
  { type, dims }: Pick<Tensor, 'type' | 'dims'>,
  stored: StoredBytes,
  read: () => Uint8Array,
): Tensor {
  return {
    type,
    dims,
    stored,
    get bytes() {
      return read();
    },
  };
}

/** Number of bytes of a tensor; those of a stored one are not read for it. */
export const byteLength = ({ type, dims }: Tensor): number => sizeOf(dims) * elementSize(type);

export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

/** The ONNX number of an element type. */
export const elementCode = (type: ElementType): number => TYPES[type].code;

/** Size of one element in bytes. */
export const elementSize = (type: ElementType): number => TYPES[type].size;

/** The element type of an ONNX number; throws MODEL_UNSUPPORTED for strings, complex and 4-bit types. */
export function elementTypeOf(code: number): ElementType {
  for (const [type, row] of Object.entries(TYPES)) if (row.code === code) return type as ElementType;
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `The model holds a tensor of ONNX element type ${code}, which is not a plain number type.`,
  );
}

/** True for the types that a gradient can flow through. */
export const isFloat = (type: ElementType): boolean => type === 'float32' || type === 'float64' || type === 'float16';

/** Number of elements: product of dims; 1 for a scalar. */
export const sizeOf = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** A tensor over the given numbers (not copied if the array has the right type already). Floats are rounded to the nearest. */
export function tensor(type: ElementType, dims: readonly number[], values: ArrayLike<number>): Tensor {
  return { type, dims, bytes: bytesOf(typedArray(type, values)) };
}

function typedArray(type: ElementType, values: ArrayLike<number>): NumberArray {
  switch (type) {
    case 'float32':
      return values instanceof Float32Array ? values : Float32Array.from(values);
    case 'float64':
      return values instanceof Float64Array ? values : Float64Array.from(values);
    case 'float16':
      return toHalfBits(Float32Array.from(values));
    case 'bfloat16':
      return toBfloatBits(Float32Array.from(values));
    case 'int64':
      return BigInt64Array.from(Array.from(values, (v) => BigInt(v)));
    case 'uint64':
      return BigUint64Array.from(Array.from(values, (v) => BigInt(v)));
    case 'int32':
      return Int32Array.from(values);
    case 'uint32':
      return Uint32Array.from(values);
    case 'int16':
      return Int16Array.from(values);
    case 'uint16':
      return Uint16Array.from(values);
    case 'int8':
      return Int8Array.from(values);
    case 'bool':
    case 'uint8':
      return Uint8Array.from(values);
    case 'float8e4m3fn':
    case 'float8e5m2':
      throw new TypeError(`${type} is only read, never written`);
  }
}

function bytesOf(array: NumberArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** The numbers of a tensor as a float32 view or copy; narrower floats are widened. Length = product(dims). */
export function toFloat32(t: Tensor): Float32Array {
  if (t.type === 'float32') return new Float32Array(aligned(t.bytes, 4));
  if (isNarrow(t.type))
    return widen(elementSize(t.type) === 1 ? t.bytes : new Uint16Array(aligned(t.bytes, 2)), t.type);
  return Float32Array.from(toNumbers(t));
}

function widen(bits: Uint8Array | Uint16Array, type: NarrowFloat): Float32Array {
  const numbers = numbersOfBits(type);
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = numbers[bits[i]];
  return values;
}

/** The numbers of a small tensor as a plain array (64-bit integers beyond 2^53 are rounded). */
export function toNumbers(t: Tensor): number[] {
  switch (t.type) {
    case 'float32':
      return Array.from(new Float32Array(aligned(t.bytes, 4)));
    case 'float64':
      return Array.from(new Float64Array(aligned(t.bytes, 8)));
    case 'float16':
      return Array.from(new Uint16Array(aligned(t.bytes, 2)), halfToNumber);
    case 'bfloat16':
      return Array.from(new Uint16Array(aligned(t.bytes, 2)), bfloatToNumber);
    case 'int64':
      return Array.from(new BigInt64Array(aligned(t.bytes, 8)), Number);
    case 'uint64':
      return Array.from(new BigUint64Array(aligned(t.bytes, 8)), Number);
    case 'int32':
      return Array.from(new Int32Array(aligned(t.bytes, 4)));
    case 'uint32':
      return Array.from(new Uint32Array(aligned(t.bytes, 4)));
    case 'int16':
      return Array.from(new Int16Array(aligned(t.bytes, 2)));
    case 'uint16':
      return Array.from(new Uint16Array(aligned(t.bytes, 2)));
    case 'int8':
      return Array.from(new Int8Array(aligned(t.bytes, 1)));
    case 'bool':
    case 'uint8':
      return Array.from(t.bytes);
    case 'float8e4m3fn':
      return Array.from(t.bytes, e4m3ToNumber);
    case 'float8e5m2':
      return Array.from(t.bytes, e5m2ToNumber);
  }
}

/** The bytes in an ArrayBuffer of their own or a slice that typed arrays accept (offset a multiple of `size`). */
function aligned(bytes: Uint8Array, size: number): ArrayBuffer {
  if (bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength) return bytes.buffer as ArrayBuffer;
  const end = bytes.byteLength - (bytes.byteLength % size);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + end) as ArrayBuffer;
}
