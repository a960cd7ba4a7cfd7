// The id of an asset → what it stands for: an upload, or an output of a job that is still kept (protocol: Assets).
import { assetInputName, locateAsset } from '../../../files/asset-files.ts';
import type { ApiV2Deps } from './deps.ts';
import { annotatedName, locateFile, outputItemAt, placeOf } from './outputs.ts';

/** What the lookup asks. */
export type AssetDeps = Pick<ApiV2Deps, 'assets' | 'folders' | 'store' | 'feed'>;

export interface FoundAsset {
  readonly id: string;
  readonly hash: string | null;
  readonly sizeBytes: number;
  readonly contentType: string;
  readonly filePath: string;
  /** ms since 1970. */
  readonly createTime: number;
  /** Of an output. */
  readonly promptId: string | null;
  readonly content: { readonly path: string } | { readonly text: string };
  /** What a loader of the input folder takes; undefined for a text, which is no file. */
  readonly inputName: string | undefined;
}

/** undefined: there is no such asset, or its file is gone. Throws StoreError. */
export async function findAsset(id: string, deps: AssetDeps): Promise<FoundAsset | undefined> {
  const place = placeOf(id);
  return place ? findOutput(id, deps) : findUpload(id, deps);
}

async function findUpload(id: string, { assets, folders }: AssetDeps): Promise<FoundAsset | undefined> {
  const record = assets.get(id);
  const located = record && (await locateAsset(folders, record.file));
  if (!located) return undefined;
  const { hash, contentType, filePath, createTime } = record;
  return {
    ...{ id, hash, contentType, filePath, createTime },
    sizeBytes: located.sizeBytes,
    promptId: null,
    content: { path: located.path },
    inputName: assetInputName(record.file),
  };
}

async function findOutput(id: string, { store, feed, folders }: AssetDeps): Promise<FoundAsset | undefined> {
  const place = placeOf(id)!;
  const job = store.job(place.promptId);
  const item = job && outputItemAt(job.outputs ?? feed.live(place.promptId)?.outputs ?? {}, place);
  if (!item) return undefined;
  const { name, contentType, content } = item;
  const known = { id, hash: null, contentType, filePath: name, createTime: job.create_time, promptId: job.id };
  if ('text' in content) return { ...known, sizeBytes: Buffer.byteLength(content.text), content, inputName: undefined };
  const located = await locateFile(content.file, folders);
  if (!located) return undefined;
  const { path, sizeBytes } = located;
  return { ...known, sizeBytes, content: { path }, inputName: annotatedName(content.file) };
}
