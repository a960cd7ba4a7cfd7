// Precision of the weights ↔ file names, as the hub's transformers.js exports have it: onnx/text_model_fp16.onnx.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { oneOf } from '../check.ts';

/**
 * The search needs float weights in the text tower: fp32 or fp16. The others serve `encode` and `similarity`. transformers.js has q2 and q1,
 * too: a CLIP does not survive them.
 */
export type Dtype = 'fp32' | 'fp16' | 'q8' | 'int8' | 'uint8' | 'q4' | 'q4f16' | 'bnb4';

const SUFFIX: Record<Dtype, string> = {
  fp32: '',
  fp16: '_fp16',
  q8: '_quantized',
  int8: '_int8',
  uint8: '_uint8',
  q4: '_q4',
  q4f16: '_q4f16',
  bnb4: '_bnb4',
};

/** The most precise first. */
export const dtypes = Object.keys(SUFFIX) as readonly Dtype[];

/** Those with the same number of bits differ little. */
const BITS: Record<Dtype, number> = { fp32: 32, fp16: 16, q8: 8, int8: 8, uint8: 8, q4: 4, q4f16: 4, bnb4: 4 };

export type Tower = 'text' | 'vision';

/** The .onnx file of a precision: `unet/model` → `unet/model_fp16.onnx`. */
export const variantFile = (stem: string, dtype: Dtype): string => `${stem}${SUFFIX[dtype]}.onnx`;

/** Throws OPTION_INVALID for an unknown name. */
export function checkDtype(value: string | undefined): Dtype | undefined {
  if (value !== undefined) oneOf('dtype', value, dtypes);
  return value as Dtype | undefined;
}

/**
 * The precisions to look for, in order. Without a wish the most precise comes first. A wish is followed by others of as many bits, then by
 * the more precise ones (nothing is lost but time), and last by the less precise ones, always the nearest first.
 */
export function preferred(wish: Dtype | undefined): readonly Dtype[] {
  if (!wish) return dtypes;
  const rank = (d: Dtype) => {
    if (d === wish) return -1;
    return BITS[d] >= BITS[wish] ? BITS[d] - BITS[wish] : 1000 - BITS[d];
  };
  return [...dtypes].sort((a, b) => rank(a) - rank(b));
}

/** The first path that exists of a file in the precisions `preferred` gives; undefined if none does. `fileOf` names the file in the folder. */
export function findVariant(
  dir: string,
  fileOf: (dtype: Dtype) => string,
  wish?: Dtype,
): { readonly path: string; readonly dtype: Dtype } | undefined {
  const dtype = preferred(wish).find((d) => existsSync(join(dir, fileOf(d))));
  return dtype && { path: join(dir, fileOf(dtype)), dtype };
}
