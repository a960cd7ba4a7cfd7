// Contents of uploaded assets: one file each in a hidden folder of input/, named by its hash, so that its bytes never change.
import { rm, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { InputError } from '../../engine/errors.ts';
import type { DataFolders } from './data-folders.ts';
import { resolveInside, safeParts } from './safe-path.ts';
import { placeAt, type Received } from './uploads.ts';

/** Below input/, because loaders take names of files there; hidden, because it is no place for files with names of their own. */
export const ASSET_FOLDER = '.assets';

/** Endings that tell a loader what is inside; others are left out. */
const ENDING = /^\.[a-z0-9]{1,8}$/;

/** Throws PATH_OUTSIDE for a folder of input/ whose files only assets may write: a name there promises its content. */
export function refuseAssetFolder(subfolder: string): void {
  if (safeParts(subfolder)[0]?.toLowerCase() === ASSET_FOLDER)
    throw new InputError(
      'PATH_OUTSIDE',
      `Files in ${ASSET_FOLDER} come from POST /api/v2/assets; choose another folder.`,
    );
}

/** The name of the file for a content. */
export function assetFileName(hash: string, filePath: string): string {
  const ending = extname(filePath).toLowerCase();
  return ENDING.test(ending) ? hash + ending : hash;
}

/** What a loader takes for it. */
export const assetInputName = (file: string): string => `${ASSET_FOLDER}/${file}`;

/** Path and size of a content; undefined if somebody has removed it. */
export async function locateAsset(
  { input }: Pick<DataFolders, 'input'>,
  file: string,
): Promise<{ readonly path: string; readonly sizeBytes: number } | undefined> {
  const path = join(input, ASSET_FOLDER, file);
  const entry = await stat(path).catch(() => undefined);
  return entry?.isFile() ? { path, sizeBytes: entry.size } : undefined;
}

/** Puts a received content in its place, whole or not at all. What a crash has left there under this name is the same content. */
export async function placeAsset(
  { input }: Pick<DataFolders, 'input'>,
  { received, file }: { readonly received: Pick<Received, 'path'>; readonly file: string },
): Promise<void> {
  await resolveInside(input, ASSET_FOLDER); // a link that leads out is refused
  await placeAt(received, { root: input, name: assetInputName(file), overwrite: true });
}

/** Removes a content that no asset stands for any more. */
export const removeAssetFile = ({ input }: Pick<DataFolders, 'input'>, file: string): Promise<void> =>
  rm(join(input, ASSET_FOLDER, file), { force: true });
