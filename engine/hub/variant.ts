// Precision of the weights ↔ file names, as the hub's transformers.js exports have it: onnx/text_model_fp16.onnx.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { oneOf } from '../check.ts';

/** The search needs float weights in the text tower: fp32 or fp16. q8 serves `encode` and `similarity`. */
export type Dtype = 'fp32' | 'fp16' | 'q8';

export const dtypes: readonly Dtype[] = ['fp32', 'fp16', 'q8'];

const SUFFIX: Record<Dtype, string> = { fp32: '', fp16: '_fp16', q8: '_quantized' };

export type Tower = 'text' | 'vision';

/** A tower's file inside a model folder, with forward slashes. */
export const towerFile = (tower: Tower, dtype: Dtype): string => variantFile(`onnx/${tower}_model`, dtype);

/** The .onnx file of a precision: `unet/model` → `unet/model_fp16.onnx`. */
export const variantFile = (stem: string, dtype: Dtype): string => `${stem}${SUFFIX[dtype]}.onnx`;

/** Throws OPTION_INVALID for an unknown name. */
export function checkDtype(value: string | undefined): Dtype | undefined {
  if (value !== undefined) oneOf('dtype', value, dtypes);
  return value as Dtype | undefined;
}

/** Path of a tower in a folder: the variant asked for, or the first that exists; undefined if none does. */
export function findTower(dir: string, tower: Tower, dtype?: Dtype): string | undefined {
  const paths = (dtype ? [dtype] : dtypes).map((d) => join(dir, towerFile(tower, d)));
  return paths.find((path) => existsSync(path));
}
