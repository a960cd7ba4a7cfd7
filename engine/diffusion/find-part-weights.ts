// A folder in diffusers' layout and one of its parts → the .safetensors file with the part's weights, or the index of several.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Dtype } from '../hub/variant.ts';
import { pickle } from '../safetensors/weights.ts';

/** Part → its folder and the name of its files. The decoder and the encoder of a VAE lie in one. */
const stemOf = (part: string): string =>
  part.startsWith('text_encoder')
    ? `${part}/model`
    : `${part.startsWith('vae_') ? 'vae' : part}/diffusion_pytorch_model`;

/** Full precision is '', half is '.fp16'; there are no others. */
const variantsOf = (dtype: Dtype | undefined): string[] => (dtype === 'fp16' ? ['.fp16', ''] : ['', '.fp16']);

/** Undefined if there is none. Throws MODEL_UNSUPPORTED if the part is there only as a pickle. */
export function findPartWeights(dir: string, part: string, dtype: Dtype | undefined): string | undefined {
  const stem = join(dir, stemOf(part));
  const names = variantsOf(dtype).flatMap((variant) => [
    `${stem}${variant}.safetensors`,
    `${stem}.safetensors.index${variant}.json`,
  ]);
  const found = names.find((path) => existsSync(path));
  if (found !== undefined) return found;
  const pickles = [`${stem}.bin`, `${stem}.fp16.bin`, join(dir, part, 'pytorch_model.bin')];
  const pickled = pickles.find((path) => existsSync(path));
  if (pickled !== undefined) throw pickle(pickled);
  return;
}
