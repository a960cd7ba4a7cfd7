// model_index.json of a checkpoint: which parts it has.
import { join } from 'node:path';
import { InputError } from '../errors.ts';
import { INDEX_FILE } from '../hub/cache.ts';
import { readJson } from '../hub/read-json.ts';

export type ModelIndex = Readonly<Record<string, unknown>>;

export const SCHEDULER = 'scheduler/scheduler_config.json';

/** Reads it. Throws MODEL_NOT_FOUND, MODEL_INVALID; MODEL_UNSUPPORTED for checkpoints without a U-Net. */
export function readIndex(dir: string): ModelIndex {
  const index = readJson<ModelIndex>(join(dir, INDEX_FILE));
  const foreign = ['text_encoder_3', 'transformer', 'prior', 'unet_2'].find((part) => isPresent(index[part]));
  if (!foreign) return index;
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `The checkpoint in ${dir} has a part "${foreign}"; checkpoints with a U-Net can be used: Stable Diffusion 1, 2, Turbo, XL, LCM.`,
  );
}

/** model_index.json lists parts as [library, class], and absent ones as [null, null]. */
const isPresent = (entry: unknown): boolean => Array.isArray(entry) && entry.some((e) => e !== null);

/** Endings of the folders of its text encoders: one, or two for SDXL. */
export const encodersOf = (index: ModelIndex): string[] => (isPresent(index.text_encoder_2) ? ['', '_2'] : ['']);
