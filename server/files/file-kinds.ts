// Files of weights → what is in them (SD 1.5, SD XL, …), read from their headers one by one while nothing else waits.
import { stat } from 'node:fs/promises';

/** What a file holds, as its header tells. */
export interface FileKind {
  /** `sd15`, `sdxl`, … */
  readonly kind: string;
  /** For people: `SD 1.5`. */
  readonly label: string;
  /** Can it be loaded? */
  readonly supported: boolean;
}

/** Why, its loader says: that sentence has the path, which clients need not know. */
const UNREADABLE: FileKind = { kind: 'unreadable', label: 'cannot be read', supported: false };

/** Reads the header of a file; throws for what is none. */
export type ReadFileKind = (path: string) => FileKind | Promise<FileKind>;

export interface FileKinds {
  /** What is known of the file by now. What is not known, or has changed, is read soon. */
  known(path: string): FileKind | undefined;
}

/** Without a reader nothing is ever known. */
export const createFileKinds = (read: ReadFileKind | undefined): FileKinds =>
  read ? new ReadKinds(read) : { known: () => undefined };

class ReadKinds implements FileKinds {
  readonly #read: ReadFileKind;
  readonly #kinds = new Map<string, { readonly stamp: string; readonly kind: FileKind | undefined }>();
  readonly #waiting = new Set<string>();
  #isReading = false;

  constructor(read: ReadFileKind) {
    this.#read = read;
  }

  known(path: string): FileKind | undefined {
    this.#waiting.add(path);
    if (!this.#isReading) void this.#readAll();
    return this.#kinds.get(path)?.kind;
  }

  /** One file a turn of the event loop: requests go before. */
  async #readAll(): Promise<void> {
    this.#isReading = true;
    for (const path of this.#waiting) {
      await new Promise(setImmediate);
      this.#waiting.delete(path);
      await this.#readOne(path);
    }
    this.#isReading = false;
  }

  async #readOne(path: string): Promise<void> {
    const info = await stat(path).catch(() => undefined);
    if (!info?.isFile()) return void this.#kinds.delete(path);
    const stamp = `${info.ino}:${info.size}:${info.mtimeMs}`;
    if (this.#kinds.get(path)?.stamp === stamp) return;
    const { kind, label, supported } = await Promise.resolve(path)
      .then(this.#read)
      .catch(() => UNREADABLE);
    this.#kinds.set(path, { stamp, kind: { kind, label, supported } });
  }
}

/** Groups in a tooltip, and names in one: nobody reads longer ones. */
const MAX_NAMES = 12;

/** Label → names, as one text: `SD XL: a, b. SD 1.5: c. Not supported: d (Flux).` */
export function describeKinds(
  models: readonly { readonly name: string; readonly kind: FileKind }[],
): string | undefined {
  const groups = new Map<string, string[]>();
  for (const { name, kind } of models) {
    const group = kind.supported ? kind.label : 'Not supported';
    groups.set(group, [...(groups.get(group) ?? []), kind.supported ? name : `${name} (${kind.label})`]);
  }
  if (groups.size === 0) return undefined;
  const last = (group: string) => Number(group === 'Not supported');
  return [...groups]
    .sort(([a], [b]) => last(a) - last(b) || a.localeCompare(b))
    .map(
      ([group, names]) =>
        `${group}: ${names.slice(0, MAX_NAMES).join(', ')}${names.length > MAX_NAMES ? `, … (${names.length})` : ''}.`,
    )
    .join(' ');
}
