// How much uploads may hold on the disk, all together. What is there is measured once and again when the limit seems to be
// reached: files may have been deleted by hand. Nothing is ever deleted to make room.
import { InputError } from '../../engine/errors.ts';
import type { DataFolders } from './data-folders.ts';
import { sizeOfFiles } from './list-files.ts';

const MEBIBYTE = 2 ** 20;
/** A measurement that is younger is believed: measuring reads every file's entry. */
const MEASURE_AGAIN_MS = 1_000;

export interface UploadQuota {
  /** Throws FILE_UNWRITABLE (507) if so many bytes more do not fit. */
  check(bytes: number): Promise<void>;
  /** The same, and they count from now on. `outside`: they go to output/ or temp/, which are not measured. */
  take(bytes: number, options?: { outside: boolean }): Promise<void>;
}

/** Counts what is in input/ and user/, and what uploads have put elsewhere since the start. */
export function createUploadQuota(folders: Pick<DataFolders, 'input' | 'user'>, maxBytes: number): UploadQuota {
  let measured: { bytes: number; readonly at: number } | undefined;
  let outsideBytes = 0;

  async function measure(): Promise<void> {
    const at = performance.now();
    const bytes = (await sizeOfFiles(folders.input)) + (await sizeOfFiles(folders.user));
    measured = { bytes, at };
  }

  const fits = (bytes: number): boolean => (measured?.bytes ?? 0) + outsideBytes + bytes <= maxBytes;

  async function check(bytes: number): Promise<void> {
    if (!measured || (!fits(bytes) && performance.now() - measured.at > MEASURE_AGAIN_MS)) await measure();
    if (fits(bytes)) return;
    const limit = `${Math.round(maxBytes / MEBIBYTE)} MB`;
    throw new InputError(
      'FILE_UNWRITABLE',
      `Uploads may hold ${limit} together, and this one does not fit: delete files in ${folders.input}, or raise --max-uploads.`,
    );
  }

  return {
    check,
    async take(bytes, { outside = false } = { outside: false }) {
      await check(bytes);
      if (outside) outsideBytes += bytes;
      else if (measured) measured.bytes += bytes;
    },
  };
}
