// Server options → what prompts are validated against: data folders, packs, nodes, and the lists that combos offer.
// The server and `pez-nodes run` share it.
import { copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { packageFile } from '../engine/package-root.ts';
import type { ChoiceSources, ModelKind, NodeFiles, OfferedModels } from '../nodes/node-context.ts';
import { createChoiceSources } from './files/choice-sources.ts';
import { type DataFolders, prepareDataFolders } from './files/data-folders.ts';
import { fileError } from './files/file-error.ts';
import { createNodeFiles } from './files/node-files.ts';
import { createOfferedModels } from './files/offered-models.ts';
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

/** Which models a server offers. */
export type ModelOptions = Partial<Pick<ServerOptions, 'clip' | 'checkpoint' | 'allowHub'>>;

/** Creates the data folders and loads the packs. Throws FILE_UNWRITABLE. */
export async function openEnvironment({
  dataDir,
  packDirs,
  writeMetadata,
  ...models
}: Pick<ServerOptions, 'dataDir' | 'packDirs' | 'writeMetadata'> & ModelOptions): Promise<Environment> {
  const folders = await prepareDataFolders(dataDir);
  const packs = await loadPacks({ packDirs });
  return {
    folders,
    packs,
    registry: createRegistry(packs),
    sources: createChoiceSources(folders, offeredModels({ folders, packs }, models)),
    files: createNodeFiles({ folders, writeMetadata }),
  };
}

/** The models of data folders, packs and options: validation and the worker both ask this list. */
export function offeredModels(
  { folders, packs }: Pick<Environment, 'folders' | 'packs'>,
  { clip, checkpoint, allowHub }: ModelOptions,
): OfferedModels {
  const models = packs.flatMap(({ manifest }) => manifest?.models ?? []);
  const bundled = (wanted: ModelKind) => models.filter(({ kind }) => kind === wanted).map(({ name }) => name);
  return createOfferedModels({
    modelsDir: folders.models,
    first: { clip, checkpoint },
    bundled: { clip: bundled('clip'), checkpoint: bundled('checkpoint') },
    allowHub,
  });
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
