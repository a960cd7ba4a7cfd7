// Server options → what prompts are validated against: data folders, packs, nodes, and the lists that combos offer.
// The server and `pez-nodes run` share it.
import { copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { packageFile } from '../engine/package-root.ts';
import type { ChoiceSources, NodeFiles } from '../nodes/node-context.ts';
import { createChoiceSources } from './files/choice-sources.ts';
import { type DataFolders, prepareDataFolders } from './files/data-folders.ts';
import { fileError } from './files/file-error.ts';
import { createNodeFiles } from './files/node-files.ts';
import type { ServerOptions } from './options.ts';
import { createRegistry, loadPacks, type Pack } from './packs/packs.ts';
import type { Registry } from './packs/registry.ts';

export interface Environment {
  readonly folders: DataFolders;
  readonly packs: readonly Pack[];
  readonly registry: Registry;
  readonly sources: ChoiceSources;
  readonly files: NodeFiles;
}

/** Creates the data folders and loads the packs. Throws FILE_UNWRITABLE. */
export async function openEnvironment({
  dataDir,
  packDirs,
  clip,
  checkpoint,
  writeMetadata,
}: Pick<ServerOptions, 'dataDir' | 'packDirs' | 'clip' | 'checkpoint' | 'writeMetadata'>): Promise<Environment> {
  const folders = await prepareDataFolders(dataDir);
  const packs = await loadPacks({ packDirs });
  const models = packs.flatMap(({ manifest }) => manifest?.models ?? []);
  const bundled = (wanted: string) => models.filter(({ kind }) => kind === wanted).map(({ name }) => name);
  return {
    folders,
    packs,
    registry: createRegistry(packs),
    sources: createChoiceSources({
      folders,
      clip,
      bundledClips: bundled('clip'),
      checkpoint,
      bundledCheckpoints: bundled('checkpoint'),
    }),
    files: createNodeFiles({ folders, writeMetadata }),
  };
}

/** Copies the example pictures into the input folder if it is still empty, so that the templates run at once. */
export async function addExamples({ input }: DataFolders): Promise<void> {
  if ((await readdir(input)).length > 0) return;
  const examples = packageFile('examples');
  try {
    for (const name of await readdir(examples))
      if (/\.(?:png|jpg)$/.test(name)) await copyFile(join(examples, name), join(input, name));
  } catch (error) {
    throw fileError(error, input);
  }
}
