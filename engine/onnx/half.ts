// float16 at the border of onnxruntime: float32 ↔ the 16 bits that tensors of half-precision models hold, on every version of Node.
import * as ort from 'onnxruntime-node';
import { numbersOfBits, toHalfBits } from './half-bits.ts';

/** A float16 tensor of the nearest values (ties to even); what is too large becomes infinite. */
export function toHalfTensor(values: Float32Array, dims: readonly number[]): ort.Tensor {
  return asFloat16(toHalfBits(values), dims);
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
  if (type === 'float16' && data instanceof Uint16Array) {
    const numbers = numbersOfBits('float16');
    return Float32Array.from(data, (bits) => numbers[bits]);
  }
  return Float32Array.from(data as ArrayLike<number>);
}
