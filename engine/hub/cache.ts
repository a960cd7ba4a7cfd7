// Where models are kept on this machine: our cache, and that of Python's huggingface_hub, which is only read.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { HubId } from '../hub-id.ts';

const hfHome = (): string =>
  process.env.HF_HOME || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');

/** Default folder of downloaded models: plain files, `<org>/<name>/<revision>/…`. */
export const defaultCacheDir = (): string => join(hfHome(), 'pez-nodes');

/** Folder of one model, whether it is there or not. */
export const cacheFolder = ({ repo, revision }: HubId, cacheDir = defaultCacheDir()): string =>
  join(cacheDir, ...repo.split('/'), revision.replaceAll('/', '--'));

/** Whether the environment forbids the network. */
export const isOffline = (): boolean =>
  [process.env.HF_HUB_OFFLINE, process.env.TRANSFORMERS_OFFLINE].some((v) => /^(1|true|yes|on)$/i.test(v ?? ''));

/** Folder of a model in the hub's own cache: `models--org--name/snapshots/<commit>`; undefined if it is not there. */
export function findInHubCache({ repo, revision }: HubId): string | undefined {
  const hub = process.env.HF_HUB_CACHE || join(hfHome(), 'hub');
  const model = join(hub, `models--${repo.replace('/', '--')}`);
  const ref = join(model, 'refs', revision);
  const commit = existsSync(ref) ? readFileSync(ref, 'utf8').trim() : revision;
  const snapshot = join(model, 'snapshots', commit);
  return existsSync(snapshot) ? snapshot : undefined;
}

/** Names the parts of a checkpoint; a CLIP has none. */
export const INDEX_FILE = 'model_index.json';

export interface CachedModel {
  /** As `--clip` or `--checkpoint` takes it. */
  readonly name: string;
  readonly dir: string;
}

/** The models in our cache, sorted by name. */
export function listCached(cacheDir = defaultCacheDir()): CachedModel[] {
  const folders = (dir: string) =>
    existsSync(dir)
      ? readdirSync(dir, { withFileTypes: true })
          .filter((entry) => entry.isDirectory())
          .map((entry) => entry.name)
      : [];
  const models = folders(cacheDir).flatMap((org) =>
    folders(join(cacheDir, org)).flatMap((name) =>
      folders(join(cacheDir, org, name))
        .map((revision) => ({
          name: revision === 'main' ? `${org}/${name}` : `${org}/${name}@${revision.replaceAll('--', '/')}`,
          dir: join(cacheDir, org, name, revision),
        }))
        .filter(({ dir }) =>
          ['config.json', 'open_clip_config.json', INDEX_FILE].some((file) => existsSync(join(dir, file))),
        ),
    ),
  );
  return models.sort((a, b) => (a.name < b.name ? -1 : 1));
}
