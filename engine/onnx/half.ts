// float16 at the border of onnxruntime: float32 ↔ the 16 bits that tensors of half-precision models hold, on every version of Node.
import * as ort from 'onnxruntime-node';
import { halfToNumber } from './tensor.ts';

/** A float16 tensor of the nearest values (ties to even); what is too large becomes infinite. */
export function toHalfTensor(values: Float32Array, dims: readonly number[]): ort.Tensor {
  return asFloat16(Uint16Array.from(new Uint32Array(values.slice().buffer), floatToHalf), dims);
}

/**
 * A float16 tensor over these bits. Made as uint16: where Node has Float16Array (from 24 on), ort.Tensor turns float16 bits into one, and the
 * binding misreads it (onnxruntime issue 26791); bits it reads on all versions.
 */
export const asFloat16 = (bits: Uint16Array, dims: readonly number[]): ort.Tensor =>
  Object.assign(new ort.Tensor('uint16', bits, dims), { type: 'float16' });

/** The numbers of a tensor; float16 comes as bits, or from Node 24 on as numbers. */
export function toFloats({ type, data }: ort.Tensor): Float32Array {
  if (type === 'float32') return data as Float32Array;
  if (type === 'float16' && data instanceof Uint16Array) return Float32Array.from(data, (bits) => halves()[bits]);
  return Float32Array.from(data as ArrayLike<number>);
}

let table: Float32Array | undefined;

/** The number of each of the 65,536 patterns: a picture has a million of them. */
function halves(): Float32Array {
  table ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => halfToNumber(bits));
  return table;
}

/** Bits of a float32 → bits of the nearest float16 (IEEE 754, ties to even). */
function floatToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00; // no number
  if (size >= 0x47800000) return sign | 0x7c00; // 65,536 and more
  // Below 2^-14 halves are multiples of 2^-24, as float32 is beside 0.5: there it rounds.
  if (size < 0x38800000) return sign | ((Math.fround(floatOf(size) + 0.5) - 0.5) * 2 ** 24);
  const rounded = size + 0xfff + ((size >>> 13) & 1); // a carry moves into the exponent, as it should
  return sign | ((rounded - 0x38000000) >>> 13);
}

const word = new DataView(new ArrayBuffer(4));

function floatOf(bits: number): number {
  word.setUint32(0, bits);
  return word.getFloat32(0);
}
