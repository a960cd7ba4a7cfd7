// Server options → what prompts are validated against: data folders, packs, nodes, and the lists that combos offer.
// The server and `pez-nodes run` share it.
import { copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { packageFile } from '../engine/package-root.ts';
import type { ChoiceSources, ModelKind, NodeFiles, OfferedModels } from '../nodes/node-context.ts';
import { createChoiceSources } from './files/choice-sources.ts';
import { type DataFolders, dataFolders, prepareDataFolders } from './files/data-folders.ts';
import { fileError } from './files/file-error.ts';
import { createFileKinds, type FileKinds, type ReadFileKind } from './files/file-kinds.ts';
import { createModelFiles, type ModelFiles } from './files/model-files.ts';
import { findModelPlaces, type ModelPlacesOptions } from './files/model-folders.ts';
import { createNodeFiles } from './files/node-files.ts';
import { createOfferedModels } from './files/offered-models.ts';
import type { ModelPlaces } from './model-places.ts';
import type { ServerOptions } from './options.ts';
import { createRegistry, loadPacks, type Pack } from './packs/packs.ts';
import type { Registry } from './packs/registry.ts';

export interface Environment {
  readonly folders: DataFolders;
  readonly packs: readonly Pack[];
  readonly registry: Registry;
  readonly places: ModelPlaces;
  readonly offered: OfferedModels;
  /** The same models, as clients see them. */
  readonly models: ModelFiles;
  /** What is in files of weights. */
  readonly kinds: FileKinds;
  readonly sources: ChoiceSources;
  readonly files: NodeFiles;
}

/** Which models a server offers. */
export type ModelOptions = Partial<Pick<ServerOptions, 'clip' | 'checkpoint' | 'allowHub'>>;

/** Where else models lie, and what tells the kind of a file of weights. */
export interface EnvironmentOptions extends ModelPlacesOptions, ModelOptions {
  readonly readFileKind?: ReadFileKind;
}

/** Looks for the model folders, creates the data folders and loads the packs. Throws OPTION_INVALID, FILE_UNWRITABLE. */
export async function openEnvironment({
  dataDir,
  packDirs,
  writeMetadata,
  readFileKind,
  ...models
}: Pick<ServerOptions, 'dataDir' | 'packDirs' | 'writeMetadata'> & EnvironmentOptions): Promise<Environment> {
  const places = findModelPlaces(models, [dataFolders(dataDir).models]);
  const folders = await prepareDataFolders(dataDir);
  const packs = await loadPacks({ packDirs });
  const offered = offeredModels({ places, packs }, models);
  const kinds = createFileKinds(readFileKind);
  return {
    folders,
    packs,
    registry: createRegistry(packs),
    places,
    offered,
    models: createModelFiles(places, offered),
    kinds,
    sources: createChoiceSources(folders, offered, kinds),
    files: createNodeFiles({ folders, writeMetadata }),
  };
}

/** The models of model folders, packs and options: validation and the worker both ask this list. */
export function offeredModels(
  { places, packs }: Pick<Environment, 'places' | 'packs'>,
  { clip, checkpoint, allowHub }: ModelOptions,
): OfferedModels {
  const models = packs.flatMap(({ manifest }) => manifest?.models ?? []);
  const bundled = (wanted: ModelKind) => models.filter(({ kind }) => kind === wanted).map(({ name }) => name);
  return createOfferedModels({
    places,
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
