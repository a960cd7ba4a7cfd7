// A folder, or the name of a .safetensors file → the file that holds the weights of a CLIP.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { InputError } from '../errors.ts';
import { pickle } from '../safetensors/weights.ts';
import { PICKLES, safetensorsFile } from './clip-sources.ts';
import { pathsOf } from './needed-files.ts';
import type { Dtype } from './variant.ts';

/** Names of a CLIP's weights in a folder, transformers' first. */
const STEMS = ['model', 'open_clip_model', 'open_clip_pytorch_model'];

/** The weights in a folder; undefined if it has none. Throws MODEL_UNSUPPORTED if they are a pickle. */
export function weightsInFolder(dir: string, dtype?: Dtype): string | undefined {
  const named = STEMS.flatMap((stem) => pathsOf(safetensorsFile(stem, dtype))).find((file) =>
    existsSync(join(dir, file)),
  );
  if (named) return join(dir, named);
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
