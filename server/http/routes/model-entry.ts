// What the model browser shows of a model: one in a model folder, or one that comes with a pack.
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { FileKind, FileKinds } from '../../files/file-kinds.ts';
import { sizeOfFiles } from '../../files/list-files.ts';
import type { ListedModel } from '../../files/model-files.ts';
import { isModelFile } from '../../files/offered-models.ts';
import type { Pack } from '../../packs/packs.ts';

export interface ModelEntry extends Partial<FileKind> {
  readonly name: string;
  /** Which of the folder's places it lies in. */
  readonly pathIndex: number;
  /** Seconds. */
  readonly modified: number;
  readonly created: number;
  readonly size: number;
}

interface EntryDeps {
  readonly packs: readonly Pack[];
  readonly kinds: FileKinds;
}

/** What is known of a model; a hub id that is not on this machine has neither size nor times. */
export async function entryOf(model: ListedModel, { packs, kinds }: EntryDeps): Promise<ModelEntry> {
  const { name, path, pathIndex } = model;
  for (const place of path === undefined ? placesElsewhere(name, packs) : [path]) {
    const info = await stat(place).catch(() => undefined);
    if (!info) continue;
    const size = info.isDirectory() ? await sizeOfFiles(place) : info.size;
    const kind = path !== undefined && info.isFile() && isModelFile(path) ? kinds.known(path) : undefined;
    return { name, pathIndex, modified: info.mtimeMs / 1000, created: info.birthtimeMs / 1000, size, ...kind };
  }
  return { name, pathIndex, modified: 0, created: 0, size: 0 };
}

function placesElsewhere(name: string, packs: readonly Pack[]): string[] {
  const entries = packs.flatMap(({ dir, manifest }) => (manifest?.models ?? []).map((model) => ({ dir, ...model })));
  const bundled = entries.find((entry) => entry.name === name);
  return [...(bundled ? [join(bundled.dir, bundled.path)] : []), resolve(name)];
}
