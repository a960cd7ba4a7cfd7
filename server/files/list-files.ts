// Names of the files below a folder, sorted, with forward slashes; hidden ones are left out. Symlinks are followed once. And their size.
import { type Dirent, realpathSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Deeper folders and further files are left out: nobody reads such a list. */
const MAX_DEPTH = 32;
const MAX_FILES = 100_000;

/**
 * Paths relative to `folder`; `[]` if it is missing. `followLinks`: folders and files behind symlinks are listed (models are
 * often kept elsewhere); otherwise symlinks are left out.
 */
export async function listFiles(
  folder: string,
  { recurse = false, followLinks = false }: { recurse?: boolean; followLinks?: boolean } = {},
): Promise<string[]> {
  const found: string[] = [];
  const seen = new Set<string>();

  async function visit(dir: string, prefix: string, depth: number): Promise<void> {
    let entries: Dirent[];
    try {
      const real = realpathSync(dir);
      if (seen.has(real)) return;
      seen.add(real);
      entries = await readdir(dir, { withFileTypes: true });
    } catch {
      return; // it has been removed meanwhile, or we may not read it
    }
    for (const entry of entries.filter(({ name }) => !name.startsWith('.'))) {
      if (found.length >= MAX_FILES) return;
      const path = join(dir, entry.name);
      const kind = entry.isSymbolicLink() ? (followLinks ? await stat(path).catch(() => undefined) : undefined) : entry;
      if (kind?.isFile()) found.push(prefix + entry.name);
      else if (recurse && depth < MAX_DEPTH && kind?.isDirectory())
        await visit(path, `${prefix}${entry.name}/`, depth + 1);
    }
  }

  await visit(folder, '', 0);
  return found.sort();
}

/** Bytes of the files below a folder, those in hidden folders included; links are not followed. */
export async function sizeOfFiles(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  let sum = 0;
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const info = await stat(join(entry.parentPath ?? entry.path, entry.name)).catch(() => undefined);
    sum += info?.size ?? 0; // it may have been deleted meanwhile
  }
  return sum;
}
