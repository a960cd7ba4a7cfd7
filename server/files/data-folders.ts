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
const MODEL_KINDS = ['checkpoints', 'clip', 'clip_vision', 'diffusion_models', 'embeddings', 'loras', 'vae'];

/** Only the paths: the disk is neither read nor changed. */
export function dataFolders(dataDir: string): DataFolders {
  const root = resolve(dataDir);
  const [input, output, temp, user, models] = ['input', 'output', 'temp', 'user', 'models'].map((n) => join(root, n));
  return { root, input, output, temp, user, models };
}

export const isFolderType = (type: string): type is FolderType => ['input', 'output', 'temp'].includes(type);

/**
 * Makes the folders that are missing; the data folder itself for this account only, if it is made here. Throws FILE_UNWRITABLE with
 * the path. Their content stays: another server may be using it.
 */
export async function prepareDataFolders(dataDir: string): Promise<DataFolders> {
  const folders = dataFolders(dataDir);
  const { root, input, output, temp, user, models } = folders;
  await makeFolder(root, PRIVATE);
  for (const path of [input, output, temp, user, ...MODEL_KINDS.map((kind) => join(models, kind))])
    await makeFolder(path);
  return folders;
}

/** Prompts, workflows and pictures are nobody else's business. */
const PRIVATE = 0o700;

/**
 * Like `mkdir -p`; `mode` is for the last folder. Not Node's `recursive`, which says ENOENT for a read-only disk and never ends
 * below /proc.
 */
async function makeFolder(path: string, mode?: number): Promise<void> {
  const entry = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw fileError(error, path);
    return undefined;
  });
  if (entry?.isDirectory()) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  try {
    await mkdir(path, mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isThere = code === 'EEXIST' && (await stat(path)).isDirectory(); // another process was faster
    if (isThere) return;
    if (code === 'ENOENT')
      throw new InputError('FILE_UNWRITABLE', `${path} can't be made: choose another --data-dir.`, { cause: error });
    throw fileError(error, path);
  }
}

/** Removes the content of temp/ but what `keep` names (relative paths), and not the folder itself: it may be a mount or a link. */
export async function emptyTemp({ temp }: DataFolders, keep: ReadonlySet<string> = new Set()): Promise<void> {
  const folders = new Set([...keep].flatMap(parentsOf));
  const empty = async (folder: string): Promise<void> => {
    for (const entry of await readdir(join(temp, folder), { withFileTypes: true })) {
      const name = join(folder, entry.name);
      if (keep.has(name)) continue;
      if (entry.isDirectory() && folders.has(name)) await empty(name);
      else await rm(join(temp, name), { recursive: true, force: true });
    }
  };
  await empty('');
}

/** `a/b/c.png` → `a/b`, `a`. */
function parentsOf(name: string): string[] {
  const parent = dirname(name);
  return parent === '.' || parent === name ? [] : [parent, ...parentsOf(parent)];
}
