// Names from users → paths inside a folder: the only place where names are checked. A name that leads out, even through a
// symlink, is refused, and so is one that some system reads differently (Windows devices, streams, trailing dots).
import { lstat, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { InputError } from '../../engine/errors.ts';

/** Longest name of one file or folder, in bytes of UTF-8: what ext4, APFS and NTFS take. */
const MAX_PART_BYTES = 255;
const MAX_PATH_BYTES = 1024;

/** Names that Windows takes for devices, whatever comes after the first dot. */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:\.|$)/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]|\p{Surrogate}/u;
const WINDOWS_ONLY = /[<>:"|?*]/;

const shown = (name: string): string => JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);

const invalid = (name: string, why: string): InputError =>
  new InputError('PATH_INVALID', `The name ${shown(name)} ${why}; choose another.`);

const outside = (name: string): InputError =>
  new InputError('PATH_OUTSIDE', `The name ${shown(name)} leads out of its folder; give one inside it.`);

function checkPart(part: string, name: string): void {
  if (Buffer.byteLength(part) > MAX_PART_BYTES) throw invalid(name, `has a part of more than ${MAX_PART_BYTES} bytes`);
  if (/[. ]$/.test(part)) throw invalid(name, 'has a part that ends with a dot or a space');
  if (DEVICE.test(part)) throw invalid(name, 'is a device on Windows');
}

/**
 * Parts of a relative path with forward slashes; `''` and `.` are left out. Throws PATH_OUTSIDE for absolute paths and
 * those with `..`, PATH_INVALID for names that some system cannot store. Does not look at the disk.
 */
export function safeParts(name: string): string[] {
  if (CONTROL.test(name)) throw invalid(name, 'has control characters');
  if (name.includes('\\')) throw invalid(name, 'has a backslash (folders are divided by /)');
  if (name.startsWith('/') || /^[A-Za-z]:/.test(name)) throw outside(name);
  if (process.platform === 'win32' && WINDOWS_ONLY.test(name)) throw invalid(name, 'has one of < > : " | ? *');
  if (Buffer.byteLength(name) > MAX_PATH_BYTES) throw invalid(name, `has more than ${MAX_PATH_BYTES} bytes`);
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw outside(name);
  for (const part of parts) checkPart(part, name);
  return parts;
}

const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

/** Real path of an existing entry; undefined if there is none. Throws PATH_OUTSIDE for links that lead nowhere or to themselves. */
async function realpathOf(path: string, name: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') throw outside(name);
    if (!isMissing(error)) throw error;
  }
  const isDangling = await lstat(path).then(
    (entry) => entry.isSymbolicLink(),
    () => false,
  );
  if (isDangling) throw outside(name);
  return undefined;
}

/** Whether a real path is the folder `root` or inside it. */
export const isInside = (root: string, path: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);

/**
 * Absolute path of `name` in `root`, symlinks resolved; the file and the folders on the way need not exist. An empty name is the
 * folder itself. Throws PATH_INVALID or PATH_OUTSIDE (also if a symlink leads out), ENOENT if `root` is missing.
 */
export async function resolveInside(root: string, name: string): Promise<string> {
  const parts = safeParts(name);
  const realRoot = await realpath(root);
  for (let depth = parts.length; depth >= 0; depth--) {
    const real = await realpathOf(join(realRoot, ...parts.slice(0, depth)), name);
    if (real === undefined) continue;
    if (!isInside(realRoot, real)) throw outside(name);
    return join(real, ...parts.slice(depth));
  }
  throw outside(name);
}
