// A key for a file's content during the life of a process: a file that was replaced on disk gets another one.
import { realpathSync, statSync } from 'node:fs';
import { InputError } from '../errors.ts';

/** Real path, size and time of change. Throws MODEL_NOT_FOUND if there is no such file. */
export function fileIdentity(path: string): string {
  try {
    const { size, mtimeMs } = statSync(path);
    return `${realpathSync(path)} ${size} ${mtimeMs}`;
  } catch (error) {
    throw new InputError('MODEL_NOT_FOUND', `The model lacks the file ${path}.`, { cause: error });
  }
}
