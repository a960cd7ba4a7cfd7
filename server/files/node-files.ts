// The data folders → NodeFiles: what nodes may do with files, in the worker and during validation.
import { lstatSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turnOfEventLoop } from 'node:timers/promises';
import { InputError } from '../../engine/errors.ts';
import type { NodeFiles, PictureReader } from '../../nodes/node-context.ts';
import { parseAnnotated } from './annotated-name.ts';
import type { DataFolders } from './data-folders.ts';
import { saveOutputs } from './output-names.ts';
import { resolveInside, safeParts } from './safe-path.ts';

/** After so many looks at the disk others get their turn: a look waits for nothing, and a graph may ask for thousands. */
const LOOKS_IN_A_ROW = 100;
let looks = 0;

/** Path of a file by its annotated name; `input` if it has no annotation. Throws FILE_NOT_FOUND, PATH_INVALID, PATH_OUTSIDE. */
export async function annotatedPath(folders: DataFolders, annotated: string): Promise<string> {
  const { name, type = 'input' } = parseAnnotated(annotated);
  if (++looks % LOOKS_IN_A_ROW === 0) await turnOfEventLoop();
  if (!isSurelyMissing(folders[type], name)) {
    const path = await resolveInside(folders[type], name);
    const isFile = await stat(path).then(
      (entry) => entry.isFile(),
      () => false,
    );
    if (isFile) return path;
  }
  const shown = JSON.stringify(name.slice(0, 200));
  throw new InputError(
    'FILE_NOT_FOUND',
    `There is no file ${shown} in the ${type} folder; upload it, or check the name.`,
  );
}

/**
 * A cheap look, for graphs with thousands of wrong names. It follows no links: what is behind one has to be inside, and that takes
 * more than a look. Throws PATH_INVALID, PATH_OUTSIDE.
 */
function isSurelyMissing(folder: string, name: string): boolean {
  let path = folder;
  for (const part of safeParts(name)) {
    path = join(path, part);
    const entry = lstatSync(path, { throwIfNoEntry: false });
    if (!entry?.isDirectory()) return entry === undefined;
  }
  return false;
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
