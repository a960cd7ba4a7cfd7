// The data folders → NodeFiles: what nodes may do with files, in the worker and during validation.
import { stat } from 'node:fs/promises';
import { InputError } from '../../engine/errors.ts';
import type { NodeFiles, PictureReader } from '../../nodes/node-context.ts';
import { parseAnnotated } from './annotated-name.ts';
import type { DataFolders } from './data-folders.ts';
import { saveOutputs } from './output-names.ts';
import { resolveInside } from './safe-path.ts';

/** Path of a file by its annotated name; `input` if it has no annotation. Throws FILE_NOT_FOUND, PATH_INVALID, PATH_OUTSIDE. */
export async function annotatedPath(folders: DataFolders, annotated: string): Promise<string> {
  const { name, type = 'input' } = parseAnnotated(annotated);
  const path = await resolveInside(folders[type], name);
  const isFile = await stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
  if (isFile) return path;
  const shown = JSON.stringify(name.slice(0, 200));
  throw new InputError(
    'FILE_NOT_FOUND',
    `There is no file ${shown} in the ${type} folder; upload it, or check the name.`,
  );
}

interface NodeFilesOptions {
  /** They must exist (prepareDataFolders). */
  readonly folders: DataFolders;
  readonly writeMetadata: boolean;
  /** Without it nothing can be decoded: validation looks at names only. */
  readonly pictures?: Pick<PictureReader, 'frames'>;
}

export function createNodeFiles({ folders, writeMetadata, pictures }: NodeFilesOptions): NodeFiles {
  return {
    writeMetadata,
    inputPath: (name) => annotatedPath(folders, name),
    async readPicture(name, { signal } = {}) {
      if (!pictures) throw new Error('Pictures are decoded where nodes run, not where graphs are validated.');
      return pictures.frames(await annotatedPath(folders, name), { name, signal });
    },
    save: (request) => saveOutputs(folders, request),
  };
}
