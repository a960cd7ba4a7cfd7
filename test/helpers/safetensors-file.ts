// Tensors → the bytes of a .safetensors file, as the format's description has them; and damaged variants by hand.
import { writeFileSync } from 'node:fs';

export interface TensorSpec {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A header and the data behind it, whatever they say. */
export function encodeSafetensors(header: object | string, data: Uint8Array): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

/** Writes a sound file. */
export function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, TensorSpec>>,
  metadata?: Readonly<Record<string, string>>,
): void {
  let end = 0;
  const entries = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const from = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [from, end] }];
  });
  const header = { ...(metadata && { __metadata__: metadata }), ...Object.fromEntries(entries) };
  writeFileSync(path, encodeSafetensors(header, Buffer.concat(Object.values(tensors).map(({ bytes }) => bytes))));
}

/** Numbers as F32. */
export const f32 = (shape: readonly number[], values: readonly number[]): TensorSpec => ({
  dtype: 'F32',
  shape,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});
