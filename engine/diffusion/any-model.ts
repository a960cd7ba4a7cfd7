// A model of either kind, CLIP or checkpoint → its folder. A checkpoint is known by its index of parts.
import { listBundled } from '../hub/bundled.ts';
import { INDEX_FILE } from '../hub/cache.ts';
import { pullModel } from '../hub/fetch-model.ts';
import { findModel, localFolder } from '../hub/model-store.ts';
import { type HubOptions, pullFolder } from '../hub/pull-folder.ts';
import { type HubId, parseHubId } from '../hub-id.ts';
import { findCheckpoint, isCheckpoint, listBundledCheckpoints } from './layout.ts';
import { pullCheckpoint } from './pull-checkpoint.ts';

/** Downloads the model with that id; only missing files or, with `refresh`, also those that changed. Throws what `pullFolder` throws. */
export async function pullAny(id: HubId, options: HubOptions = {}): Promise<string> {
  const dir = await pullFolder(id, [{ path: INDEX_FILE, optional: true }], { ...options, onPlan: undefined });
  return isCheckpoint(dir) ? pullCheckpoint(id, options) : pullModel(id, options);
}

/** Folder of a bundled model, a folder, or a hub id. Throws what `findModel` and `findCheckpoint` throw. */
export async function findAny(name: string, options: HubOptions = {}): Promise<string> {
  const folder = localFolder(name, [...listBundled(), ...listBundledCheckpoints()]);
  const id = folder ? undefined : parseHubId(name);
  if (id) return pullAny(id, options);
  const find = folder && isCheckpoint(folder) ? findCheckpoint : findModel;
  return (await find(name, options)).dir;
}
