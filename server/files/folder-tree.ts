// A folder → the names of all files below it, links followed, read again only where something has changed.
import { type BigIntStats, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Relative names with forward slashes, sorted by code unit; hidden files and folders are left out. */
export interface FolderTree {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** What one folder held when it was read. */
interface Listing {
  readonly stamp: string;
  /** False if the folder had just changed: it may change again without a later time. */
  readonly isSettled: boolean;
  readonly files: readonly string[];
  readonly folders: readonly string[];
  /** What they lead to is looked up each time. */
  readonly links: readonly string[];
}

/** What a walk saw of one folder: equal parts make equal trees. */
interface Part {
  readonly prefix: string;
  readonly listing: Listing;
  /** Links that lead to files. */
  readonly linked: readonly string[];
}

/** How the walk came to a folder. */
interface Way {
  readonly path: string;
  readonly prefix: string;
  /** The folders above, so that a link to one of them ends there. */
  readonly above: readonly string[];
  /** Links on the way. */
  readonly links: number;
}

/** Deeper folders and further ones are left out: links can make a small disk look endless. */
const MAX_DEPTH = 32;
/** Links to folders on one way down. */
const MAX_LINKS = 3;
const MAX_FOLDERS = 10_000;
const MAX_FILES = 100_000;

/** The coarsest clock of a file system (FAT: 2 s), and some more. */
const SETTLE_NS = 3_000_000_000n;

export interface FolderReader {
  /** The tree below a folder; the same object as before if nothing has changed, an empty one if there is no such folder. */
  read(folder: string): FolderTree;
}

/** A reader that remembers what it has read: after the first time, a folder costs one `stat`. */
export const createFolderReader = (): FolderReader => new CachedFolderReader();

class CachedFolderReader implements FolderReader {
  readonly #listings = new Map<string, Listing>();
  readonly #trees = new Map<string, { readonly parts: readonly Part[]; readonly tree: FolderTree }>();

  read(folder: string): FolderTree {
    const parts: Part[] = [];
    this.#visit({ path: folder, prefix: '', above: [], links: 0 }, parts);
    const before = this.#trees.get(folder);
    if (before && areEqual(before.parts, parts)) return before.tree;
    const tree = toTree(parts);
    this.#trees.set(folder, { parts, tree });
    return tree;
  }

  #visit({ path, prefix, above, links }: Way, parts: Part[]): void {
    const info = statOf(path);
    if (!info?.isDirectory() || parts.length >= MAX_FOLDERS || above.length > MAX_DEPTH || links > MAX_LINKS) return;
    const id = `${info.dev}:${info.ino}`;
    if (above.includes(id)) return;
    const listing = this.#list(path, `${id}:${info.mtimeNs}`, info.mtimeNs);
    const led = listing.links.map((name) => ({ name, info: statOf(join(path, name)) }));
    parts.push({ prefix, listing, linked: led.filter((link) => link.info?.isFile()).map(({ name }) => name) });
    const go = (name: string, more: number) =>
      this.#visit(
        { path: join(path, name), prefix: `${prefix}${name}/`, above: [...above, id], links: links + more },
        parts,
      );
    for (const name of listing.folders) go(name, 0);
    for (const { name, info } of led) if (info?.isDirectory()) go(name, 1);
  }

  #list(path: string, stamp: string, changed: bigint): Listing {
    const before = this.#listings.get(path);
    if (before?.isSettled && before.stamp === stamp) return before;
    const listing = { stamp, isSettled: BigInt(Date.now()) * 1_000_000n - changed > SETTLE_NS, ...readFolder(path) };
    this.#listings.set(path, listing);
    return listing;
  }
}

function readFolder(path: string): Pick<Listing, 'files' | 'folders' | 'links'> {
  const [files, folders, links]: [string[], string[], string[]] = [[], [], []];
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      if (entry.isFile()) files.push(entry.name);
      else if (entry.isDirectory()) folders.push(entry.name);
      else if (entry.isSymbolicLink()) links.push(entry.name);
    }
  } catch {
    // It has been removed meanwhile, or we may not read it.
  }
  return { files, folders, links };
}

/** undefined for what is not there, a link to itself, or what we may not see. */
function statOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

const equalLists = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i]);

const sameFiles = (a: Part, b: Part): boolean =>
  (a.listing === b.listing || equalLists(a.listing.files, b.listing.files)) && equalLists(a.linked, b.linked);

const areEqual = (a: readonly Part[], b: readonly Part[]): boolean =>
  a.length === b.length && a.every((part, i) => part.prefix === b[i].prefix && sameFiles(part, b[i]));

function toTree(parts: readonly Part[]): FolderTree {
  const files: string[] = [];
  for (const { prefix, listing, linked } of parts)
    for (const name of [...listing.files, ...linked]) if (files.length < MAX_FILES) files.push(prefix + name);
  const folders = parts.map(({ prefix }) => prefix.slice(0, -1)).filter((name) => name !== '');
  return { files: files.sort(), folders: folders.sort() };
}
