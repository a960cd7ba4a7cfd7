// Options that name what is on the disk → nothing, or OPTION_INVALID with one sentence: a typing error shows at the start, not
// in the first prompt or as an empty page.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { invalid } from '../engine/check.ts';
import { InputError } from '../engine/errors.ts';
import type { Environment } from './environment.ts';
import { explainPickle, isPickle, isWeightsFile } from './model-hint.ts';
import type { ServerOptions } from './options.ts';

/** Checks --front-end-root and --packs. Before anything is made. */
export function checkFolders({ frontEndRoot, packDirs }: Pick<ServerOptions, 'frontEndRoot' | 'packDirs'>): void {
  for (const dir of packDirs)
    if (!isFolder(dir)) throw invalid('--packs', 'a folder of packs (or a pack) that exists', dir);
  if (frontEndRoot !== undefined && !existsSync(join(frontEndRoot, 'index.html')))
    throw invalid(
      '--front-end-root',
      'a folder with an index.html (in comfyui-frontend-package: its folder static)',
      frontEndRoot,
    );
}

/**
 * Checks --clip and --checkpoint: a model that is offered by that name, or what `mayBeModel` knows (a folder, a hub id), or a
 * .safetensors file. Nothing is loaded or downloaded.
 */
export function checkModels(
  { clip, checkpoint }: Pick<ServerOptions, 'clip' | 'checkpoint'>,
  { packs, offered }: Pick<Environment, 'packs' | 'offered'>,
  mayBeModel: (name: string) => boolean,
): void {
  const models = packs.flatMap(({ manifest }) => manifest?.models ?? []);
  const check = (flag: string, kind: 'clip' | 'checkpoint', name: string | undefined) => {
    const bundled = models.filter((model) => model.kind === kind).map((model) => model.name);
    if (name === undefined || bundled.includes(name)) return;
    // What was chosen is in the list by its own name; a path, if it was found in a model folder.
    if (offered.locate(kind, name) !== name) return;
    if (isPickle(name)) throw new InputError('OPTION_INVALID', `${flag}: ${explainPickle(name)}`);
    if (isWeightsFile(name) ? isFile(name) : mayBeModel(name)) return;
    throw invalid(
      flag,
      `a bundled model (${bundled.join(', ')}), a model in one of the model folders, a folder or .safetensors file that exists, or a hub id (org/name)`,
      name,
    );
  };
  check('--clip', 'clip', clip);
  check('--checkpoint', 'checkpoint', checkpoint);
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
