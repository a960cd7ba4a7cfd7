// Path of a JSON file of a model → its object.
import { readFileSync, statSync } from 'node:fs';
import { InputError } from '../errors.ts';

/** The largest tokenizers in use (256,000 tokens) take 34 MB. */
const MAX_JSON_BYTES = 128 * 2 ** 20;

/** Reads a JSON object. Throws MODEL_NOT_FOUND if there is no file, MODEL_INVALID if it holds something else. */
export function readJson<T extends object>(path: string): T {
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > MAX_JSON_BYTES) throw invalid(path, `it has ${size} bytes; the limit is ${MAX_JSON_BYTES}`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof InputError) throw error;
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new InputError(
      'MODEL_NOT_FOUND',
      missing ? `The model lacks the file ${path}.` : `Cannot read ${path}: ${(error as Error).message}.`,
      { cause: error },
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(path, (error as Error).message);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(path, 'it is not an object');
  return value as T;
}

const invalid = (path: string, why: string): InputError =>
  new InputError('MODEL_INVALID', `${path} is not the JSON file that a model needs: ${why}.`);
