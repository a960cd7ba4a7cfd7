// What names a file's content while a process lives: a file that was replaced on disk has another identity.
import { realpathSync, statSync } from 'node:fs';
import { InputError } from '../errors.ts';

/** Real path, size and time of change. Throws MODEL_NOT_FOUND where there is no such file. */
export function fileIdentity(path: string): string {
  try {
    const { size, mtimeMs } = statSync(path);
    return `${realpathSync(path)} ${size} ${mtimeMs}`;
  } catch (error) {
    throw new InputError('MODEL_NOT_FOUND', `The model lacks the file ${path}.`, { cause: error });
  }
}
