// filename_prefix → names of result files: `<prefix>_<5-digit counter>_.<extension>` (protocol: Output names).
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../engine/errors.ts';
import type { FileRef, NodeFiles } from '../../nodes/node-context.ts';
import type { DataFolders } from './data-folders.ts';
import { fileError } from './file-error.ts';
import { resolveInside, safeParts } from './safe-path.ts';

type SaveRequest = Parameters<NodeFiles['save']>[0];

const BATCH_NUMBER = '%batch_num%';
/** Names that another writer takes at the same moment are skipped. This many in a row mean that something is wrong. */
const MAX_TRIES = 10_000;
/** macOS and Windows take `A` and `a` for the same name. */
const FOLDS_CASE = process.platform === 'darwin' || process.platform === 'win32';

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** Fills in %width%, %height% and the parts of the local time; %batch_num% stays, it differs from file to file. */
export function fillTokens(
  prefix: string,
  { width, height, now }: { width: number; height: number; now: Date },
): string {
  const values: Readonly<Record<string, string>> = {
    width: String(width),
    height: String(height),
    year: String(now.getFullYear()),
    month: twoDigits(now.getMonth() + 1),
    day: twoDigits(now.getDate()),
    hour: twoDigits(now.getHours()),
    minute: twoDigits(now.getMinutes()),
    second: twoDigits(now.getSeconds()),
  };
  return prefix.replace(/%(width|height|year|month|day|hour|minute|second)%/g, (_, token: string) => values[token]);
}

/** Digits of a batch number or a counter; more are part of the name. */
const MAX_DIGITS = 15;

/** One more than the largest counter of the files named `<name>_<digits>_…`, or 1. In `name`, every %batch_num% is the same number. */
export function nextCounter(name: string, files: readonly string[]): number {
  const folded = foldCase(name).split(foldCase(BATCH_NUMBER));
  return files.reduce((next, file) => Math.max(next, counterOf(folded, foldCase(file)) + 1), 1);
}

const foldCase = (text: string): string => (FOLDS_CASE ? text.toLowerCase() : text);

/**
 * The counter in a file's name, 0 if the name has other parts than `parts` with a number between them. By hand: an expression with one
 * `\d+` a number would take exponential time, and both names may come from a stranger.
 */
function counterOf(parts: readonly string[], file: string): number {
  if (!file.startsWith(parts[0])) return 0;
  if (parts.length === 1) return counterAt(file, parts[0].length);
  const most = digitsAt(file, parts[0].length).length;
  for (let digits = 1; digits <= most; digits++) {
    const prefix = parts.join(file.slice(parts[0].length, parts[0].length + digits));
    const counter = file.startsWith(prefix) ? counterAt(file, prefix.length) : 0;
    if (counter > 0) return counter;
  }
  return 0;
}

/** `_<digits>_` at a position. */
function counterAt(file: string, at: number): number {
  if (file[at] !== '_') return 0;
  const digits = digitsAt(file, at + 1);
  return digits !== '' && file[at + 1 + digits.length] === '_' ? Number(digits) : 0;
}

function digitsAt(text: string, at: number): string {
  let end = at;
  while (end - at < MAX_DIGITS && text[end] >= '0' && text[end] <= '9') end++;
  return text.slice(at, end);
}

/** Creates a file. False if it exists already. A file that could not be written to its end is removed. */
async function writeNew(path: string, bytes: Uint8Array): Promise<boolean> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw fileError(error, path);
  }
  try {
    await file.writeFile(bytes);
    await file.close();
    return true;
  } catch (error) {
    await file.close().catch(() => {});
    await rm(path, { force: true });
    throw fileError(error, path);
  }
}

/** Splits a filled prefix into the subfolder and, as its last part, the name. */
function splitPrefix(prefix: string): { subfolder: string; name: string } {
  const slash = prefix.lastIndexOf('/');
  return { subfolder: safeParts(prefix.slice(0, slash + 1)).join('/'), name: prefix.slice(slash + 1) };
}

/**
 * Writes the files, counting on from those in the folder. No file is ever overwritten, even if others write at the same time.
 * Throws PATH_INVALID, PATH_OUTSIDE, FILE_UNWRITABLE.
 */
export async function saveOutputs(folders: DataFolders, request: SaveRequest, now = new Date()): Promise<FileRef[]> {
  const { type, extension, width, height, files } = request;
  const prefix = fillTokens(request.prefix, { width, height, now });
  if (prefix.startsWith('/')) safeParts(prefix); // throws
  const { subfolder, name } = splitPrefix(prefix);
  safeParts(`${name}_00000_.${extension}`);
  const folder = await resolveInside(folders[type], subfolder);
  await mkdir(folder, { recursive: true }).catch((error) => Promise.reject(fileError(error, folder)));

  let counter = nextCounter(name, await readdir(folder));
  const saved: FileRef[] = [];
  for (const [index, bytes] of files.entries()) {
    const batchName = name.replaceAll(BATCH_NUMBER, String(index));
    let filename = '';
    const first = counter;
    do {
      if (counter - first > MAX_TRIES)
        throw new InputError('FILE_UNWRITABLE', `${join(folder, filename)} and the names before it are taken.`);
      filename = `${batchName}_${String(counter++).padStart(5, '0')}_.${extension}`;
    } while (!(await writeNew(join(folder, filename), bytes)));
    saved.push({ filename, subfolder, type });
  }
  return saved;
}
