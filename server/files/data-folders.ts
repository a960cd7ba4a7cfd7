// The data folder: input/, output/, temp/, user/ and models/<kind>/, made at the start; temp/ is emptied at start and stop.
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileError } from './file-error.ts';

/** Absolute paths. */
export interface DataFolders {
  readonly root: string;
  readonly input: string;
  readonly output: string;
  readonly temp: string;
  readonly user: string;
  readonly models: string;
}

/** The folders that GET /view and uploads know. */
export type FolderType = 'input' | 'output' | 'temp';

/** Folders below models/ that are made at the start; others count as soon as somebody makes them. */
const MODEL_KINDS = ['checkpoints', 'clip', 'embeddings'];

/** Only the paths: the disk is neither read nor changed. */
export function dataFolders(dataDir: string): DataFolders {
  const root = resolve(dataDir);
  const [input, output, temp, user, models] = ['input', 'output', 'temp', 'user', 'models'].map((n) => join(root, n));
  return { root, input, output, temp, user, models };
}

export const isFolderType = (type: string): type is FolderType => ['input', 'output', 'temp'].includes(type);

/** Makes the folders that are missing. Throws FILE_UNWRITABLE with the path. Their content stays: another server may be using it. */
export async function prepareDataFolders(dataDir: string): Promise<DataFolders> {
  const folders = dataFolders(dataDir);
  const { input, output, temp, user, models } = folders;
  for (const path of [input, output, temp, user, ...MODEL_KINDS.map((kind) => join(models, kind))]) {
    try {
      await mkdir(path, { recursive: true });
    } catch (error) {
      throw fileError(error, path);
    }
  }
  return folders;
}

/** Removes the content of temp/, but not the folder itself: it may be a mount or a link. */
export async function emptyTemp({ temp }: DataFolders): Promise<void> {
  for (const name of await readdir(temp)) await rm(join(temp, name), { recursive: true, force: true });
}
