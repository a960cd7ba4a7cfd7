// The data folder: input/, output/, temp/, user/ and models/<kind>/, made at the start; temp/ is emptied at start and stop.
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { InputError } from '../../engine/errors.ts';
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
      await makeFolder(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw fileError(error, path);
      throw new InputError('FILE_UNWRITABLE', `${path} can't be made: choose another --data-dir.`, { cause: error });
    }
  }
  return folders;
}

/**
 * Makes a folder and those above it; one that is there stays. Step by step: Node's own `recursive` never returns where nothing
 * can be made (below /proc), and tells a read-only disk as a missing folder.
 */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || (await exists(dirname(path)))) throw error;
    await makeFolder(dirname(path));
    await mkdir(path);
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Removes the content of temp/, but not the folder itself: it may be a mount or a link. */
export async function emptyTemp({ temp }: DataFolders): Promise<void> {
  for (const name of await readdir(temp)) await rm(join(temp, name), { recursive: true, force: true });
}
