// The models that loaders offer, and what the model browser shows of a model: one in models/, or one that comes with a pack.
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ChoiceSources } from '../../../nodes/node-context.ts';
import type { DataFolders } from '../../files/data-folders.ts';
import { sizeOfFiles } from '../../files/list-files.ts';
import type { Pack } from '../../packs/packs.ts';

/** Kind of models/ → the names that its drop-down offers; `text_encoders` is ComfyUI's newer name of `clip`. */
const OFFERED: Readonly<Record<string, (sources: ChoiceSources) => readonly string[]>> = {
  checkpoints: (sources) => sources.checkpoints(),
  clip: (sources) => sources.clips(),
  text_encoders: (sources) => sources.clips(),
};

/** As the drop-down has them; undefined for kinds without one, whose files are listed. */
export const offeredNames = (kind: string, sources: ChoiceSources): readonly string[] | undefined =>
  Object.hasOwn(OFFERED, kind) ? OFFERED[kind](sources) : undefined;

export interface ModelEntry {
  readonly name: string;
  readonly pathIndex: 0;
  /** Seconds. */
  readonly modified: number;
  readonly created: number;
  readonly size: number;
}

/** What is known of a model; a hub id that is not on this machine has neither size nor times. */
export async function entryOf(
  name: string,
  { kind, folders, packs }: { kind: string; folders: DataFolders; packs: readonly Pack[] },
): Promise<ModelEntry> {
  const entries = packs.flatMap(({ dir, manifest }) => (manifest?.models ?? []).map((model) => ({ dir, ...model })));
  const bundled = entries.find((model) => model.name === name);
  const places = [
    join(folders.models, kind === 'text_encoders' ? 'clip' : kind, name),
    ...(bundled ? [join(bundled.dir, bundled.path)] : []),
    resolve(name),
  ];
  for (const path of places) {
    const info = await stat(path).catch(() => undefined);
    if (!info) continue;
    const size = info.isDirectory() ? await sizeOfFiles(path) : info.size;
    return { name, pathIndex: 0, modified: info.mtimeMs / 1000, created: info.birthtimeMs / 1000, size };
  }
  return { name, pathIndex: 0, modified: 0, created: 0, size: 0 };
}
