// A wheel of the front end → its web files in a folder. A wheel is a zip; only what lies below `comfyui_frontend_package/static/` is unpacked.
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';
import { InputError } from '../../engine/errors.ts';

const STATIC = 'comfyui_frontend_package/static/';

/** Version 1.58.1 has 1,700 files and 123 MB. */
const MAX_FILES = 50_000;
const MAX_BYTES = 2 * 2 ** 30;

/**
 * Unpacks the web files into `folder`, which exists and is empty. Throws DOWNLOAD_FAILED for a zip that is damaged, absurdly large, has
 * names that lead out of the folder or no front end in it; FILE_UNWRITABLE if the disk is full.
 */
export async function unpackStatic(wheel: string, folder: string): Promise<void> {
  let zip: yauzl.ZipFile;
  try {
    zip = await yauzl.openPromise(wheel, { strictFileNames: true });
  } catch (error) {
    throw damaged(wheel, error);
  }
  let files = 0;
  let left = MAX_BYTES;
  try {
    for await (const entry of zip.eachEntry()) {
      const { fileName } = entry;
      if (!fileName.startsWith(STATIC) || fileName.endsWith('/')) continue;
      // Names that lead out of the folder are yauzl's to refuse; on Windows, a colon leads to a stream or a drive.
      if (fileName.includes(':')) throw new Error(`it holds a file "${fileName}"`);
      left -= entry.uncompressedSize;
      if (++files > MAX_FILES || left < 0)
        throw new Error(`it holds more than ${MAX_FILES} files or ${MAX_BYTES} bytes`);
      await write(zip, entry, join(folder, fileName.slice(STATIC.length)));
    }
  } catch (error) {
    throw error instanceof InputError ? error : damaged(wheel, error);
  } finally {
    zip.close();
  }
  if (files === 0) throw damaged(wheel, new Error(`it has no files in ${STATIC}`));
}

async function write(zip: yauzl.ZipFile, entry: yauzl.Entry, path: string): Promise<void> {
  const source = await zip.openReadStreamPromise(entry);
  try {
    mkdirSync(dirname(path), { recursive: true });
    await pipeline(source, createWriteStream(path, { flags: 'wx' }));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOSPC' && code !== 'EACCES' && code !== 'EDQUOT') throw error;
    throw new InputError('FILE_UNWRITABLE', `Cannot write ${path}: ${message}.`, { cause: error });
  }
}

const damaged = (wheel: string, cause: unknown): InputError =>
  new InputError('DOWNLOAD_FAILED', `${wheel} is not a wheel of the front end: ${(cause as Error).message}.`, {
    cause,
  });
