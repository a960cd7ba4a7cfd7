// A file that is received → its place in a data folder. It is written to temp/ first, so that a broken upload leaves nothing behind.
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { constants, copyFile, link, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { InputError } from '../../engine/errors.ts';
import { fileError } from './file-error.ts';
import { resolveInside, safeParts } from './safe-path.ts';

/** A file that has been received completely and has no name yet. */
export interface Received {
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Removes it, unless it was placed. */
  discard(): Promise<void>;
}

/** Streams into a new hidden file in `folder`; `onPiece` sees each piece. If anything goes wrong, nothing is left of it. */
export async function receive(
  stream: Readable,
  folder: string,
  onPiece: (piece: Uint8Array) => void = () => undefined,
): Promise<Received> {
  const path = join(folder, `.upload-${randomUUID()}`);
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const discard = () => rm(path, { force: true });
  try {
    await pipeline(
      stream,
      async function* (pieces: AsyncIterable<Buffer>) {
        for await (const piece of pieces) {
          hash.update(piece);
          onPiece(piece);
          sizeBytes += piece.length;
          yield piece;
        }
      },
      createWriteStream(path, { flags: 'wx' }),
    );
  } catch (error) {
    await discard();
    throw fileError(error, path);
  }
  return { path, sha256: hash.digest('hex'), sizeBytes, discard };
}

/** A file that exists already, to be moved: if it cannot be placed, it stays where it is. */
export const receivedFrom = (path: string): Pick<Received, 'path'> => ({ path });

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

/** Gives a received file its name if that is free; otherwise returns false. */
async function placeNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    await rm(from, { force: true });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    // Another disk, or one without hard links.
    if (!['EXDEV', 'EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP', 'EMLINK', 'EISDIR'].includes(codeOf(error)))
      throw fileError(error, to);
  }
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    await rm(to, { force: true });
    throw fileError(error, to);
  }
  await rm(from, { force: true });
  return true;
}

/** Gives a received file its name, replacing the file that has it. */
async function placeOver(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
    return;
  } catch (error) {
    if (codeOf(error) !== 'EXDEV') throw fileError(error, to);
  }
  const beside = join(dirname(to), `.upload-${randomUUID()}`);
  try {
    await copyFile(from, beside);
    await rename(beside, to);
  } catch (error) {
    await rm(beside, { force: true });
    throw fileError(error, to);
  }
  await rm(from, { force: true });
}

/** Puts a received file at `name` in `root`, and makes the folders. False if the name is taken and must not be overwritten. */
export async function placeAt(
  received: Pick<Received, 'path'>,
  { root, name, overwrite }: { root: string; name: string; overwrite: boolean },
): Promise<boolean> {
  const path = await resolveInside(root, name);
  const isFolder = await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (isFolder) throw new InputError('PATH_INVALID', `${JSON.stringify(name)} is a folder; choose another name.`);
  await mkdir(dirname(path), { recursive: true }).catch((error) => Promise.reject(fileError(error, dirname(path))));
  if (!overwrite) return placeNew(received.path, path);
  await placeOver(received.path, path);
  return true;
}

async function hasContent(path: string, { sha256, sizeBytes }: Received): Promise<boolean> {
  const entry = await stat(path).catch(() => undefined);
  if (!entry?.isFile() || entry.size !== sizeBytes) return false;
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest('hex') === sha256;
}

/** `a.png`, `a (1).png`, `a (2).png`, …: a limit that nobody reaches by hand. */
const MAX_COPIES = 10_000;

/**
 * Puts an upload into `root`/`subfolder` and returns its name. Without `overwrite`, a file of that name with the same content is
 * kept, and one with different content makes the upload `name (1).ext` (protocol: Uploads).
 */
export async function placeUpload(
  received: Received,
  { root, subfolder, filename, overwrite }: { root: string; subfolder: string; filename: string; overwrite: boolean },
): Promise<string> {
  const folder = safeParts(subfolder).join('/');
  const parts = safeParts(filename);
  if (parts.length !== 1)
    throw new InputError(
      'PATH_INVALID',
      `${JSON.stringify(filename)} is not a file name: give its folder as subfolder.`,
    );
  const [original] = parts;
  const extension = extname(original);
  const stem = original.slice(0, original.length - extension.length);
  for (let copy = 0; copy < MAX_COPIES; copy++) {
    const name = copy === 0 ? original : `${stem} (${copy})${extension}`;
    const inFolder = folder ? `${folder}/${name}` : name;
    if (await placeAt(received, { root, name: inFolder, overwrite })) return name;
    if (await hasContent(await resolveInside(root, inFolder), received)) {
      await received.discard();
      return name;
    }
  }
  throw new InputError('FILE_UNWRITABLE', `There are ${MAX_COPIES} files named like ${original}: choose another name.`);
}
