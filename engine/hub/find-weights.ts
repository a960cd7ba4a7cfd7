// A folder, or the name of a .safetensors file → the file that holds the weights of a CLIP.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { InputError } from '../errors.ts';
import { pickle } from '../safetensors/weights.ts';

/** Names of a CLIP's weights in a folder, transformers' first; each may be the name of an index of shards, too. */
const STEMS = ['model', 'open_clip_model', 'open_clip_pytorch_model'];
/** Of the full precision first, as without `dtype` everywhere. */
const ENDINGS = {
  fp32: ['.safetensors', '.safetensors.index.json'],
  fp16: ['.fp16.safetensors', '.safetensors.index.fp16.json'],
};
const PICKLES = ['pytorch_model.bin', 'open_clip_pytorch_model.bin'];

/** The weights in a folder; undefined if it has none. Throws MODEL_UNSUPPORTED if they are a pickle. */
export function weightsInFolder(dir: string, dtype?: string): string | undefined {
  const endings = dtype === 'fp16' ? [...ENDINGS.fp16, ...ENDINGS.fp32] : [...ENDINGS.fp32, ...ENDINGS.fp16];
  for (const stem of STEMS)
    for (const ending of endings) {
      const path = join(dir, stem + ending);
      if (existsSync(path)) return path;
    }
  const files = readdirSync(dir);
  const only = files.filter((file) => file.endsWith('.safetensors'));
  if (only.length === 1) return join(dir, only[0]);
  const refused = PICKLES.find((file) => files.includes(file));
  if (refused) throw pickle(join(dir, refused));
  return undefined;
}

/** The path of a file of weights that is named directly; undefined if the name is none. Throws MODEL_UNSUPPORTED, MODEL_NOT_FOUND. */
export function weightsFile(name: string): string | undefined {
  if (!/\.(safetensors|safetensors\.index(\.\w+)?\.json|ckpt|pt|pth|bin)$/i.test(name)) return undefined;
  const path = resolve(name.replace(/^~(?=$|[/\\])/, homedir()));
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  if (existsSync(path)) return path;
  throw new InputError('MODEL_NOT_FOUND', `There is no file ${path}.`);
}
