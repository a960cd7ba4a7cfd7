// An error of the file system → a sentence with the path and what to do about it.
import { InputError } from '../../engine/errors.ts';

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: make room or choose another --data-dir',
  EDQUOT: 'your quota is used up: make room or choose another --data-dir',
  EFBIG:
    'the disk or a limit (ulimit -f) does not allow a file of this size: raise the limit, or choose another --data-dir',
  EACCES: 'this program is not allowed to write there: change the permissions or choose another --data-dir',
  EPERM: 'this program is not allowed to write there: change the permissions or choose another --data-dir',
  EROFS: 'the disk is read-only: choose another --data-dir',
  ENOTDIR: 'part of the path is a file: rename it, or choose another name',
  EISDIR: 'a folder has that name: choose another',
  EEXIST: 'a file has that name already: rename it, or choose another name',
  EMFILE: 'too many files are open: close some, or raise the limit (ulimit -n)',
  EIO: 'the disk reports an error: check it',
};

/** An error of the file system → InputError FILE_UNWRITABLE; anything else is returned as it is. */
export function fileError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (error instanceof InputError || !(code in ADVICE)) return error;
  return new InputError('FILE_UNWRITABLE', `${path} can't be written (${code}): ${ADVICE[code]}.`, { cause: error });
}
