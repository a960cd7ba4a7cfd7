// /api/v2/assets: contents by hash, each kept once, under as many ids as clients want (protocol: Assets).
import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import { createBLAKE3 } from 'hash-wasm';
import type { V2Asset } from '../../../../schemas/api-v2.ts';
import { isRecord } from '../../../../schemas/record.ts';
import { assetFileName, assetInputName, locateAsset, placeAsset, removeAssetFile } from '../../../files/asset-files.ts';
import { safeParts } from '../../../files/safe-path.ts';
import type { AssetRecord } from '../../../queue/asset-records.ts';
import { readJson } from '../../body.ts';
import { ApiError } from '../../envelope.ts';
import { limit } from '../../limit.ts';
import { paramOf, sendEmpty, sendJson } from '../../responses.ts';
import type { RouteTable } from '../../router.ts';
import { declaredBytes, readUpload, type Upload } from '../multipart.ts';
import { sendContent } from './asset-content.ts';
import type { ApiV2Deps } from './deps.ts';
import { type FoundAsset, findAsset } from './find-asset.ts';
import { assetUrl, farOff, iso } from './job-view.ts';
import { fingerprintOf, markReplayed, type Once } from './once.ts';

export function assetRoutes(deps: ApiV2Deps, once: Once): RouteTable {
  const inTurn = limit(1); // two uploads of one content are one file
  const found = async (req: Request): Promise<FoundAsset> => {
    const asset = await findAsset(paramOf(req, 'id'), deps);
    if (!asset) throw new ApiError('not_found', 'There is no such asset, or it is not kept any more.');
    return asset;
  };
  return {
    'POST /api/v2/assets': async (req, res) => {
      const { status, body } = await upload(deps, { req, res, once, inTurn });
      sendJson(res, body, status);
    },
    'POST /api/v2/assets/from-hash': async (req, res) => {
      const { asset, isNew } = await inTurn(async () => mint(deps, await readMint(req)));
      sendJson(res, { ...uploadView(asset, req), created_new: false }, isNew ? 201 : 200);
    },
    'HEAD /api/v2/assets/by-hash/:hash': async (req, res) => {
      const record = await heldContent(deps, readHash(paramOf(req, 'hash')));
      sendEmpty(res, record ? 200 : 404);
    },
    'GET /api/v2/assets/:id': async (req, res) => sendJson(res, assetView(await found(req), req)),
    'GET /api/v2/assets/:id/content': async (req, res) => sendContent({ req, res }, await found(req)),
    'DELETE /api/v2/assets/:id': async (req, res) => {
      await inTurn(async () => remove(deps, await found(req)));
      sendEmpty(res, 204);
    },
  };
}

interface Uploading {
  readonly req: Request;
  readonly res: Response;
  readonly once: Once;
  readonly inTurn: ReturnType<typeof limit>;
}

async function upload(
  deps: ApiV2Deps,
  { req, res, once, inTurn }: Uploading,
): Promise<{ status: number; body: V2Asset }> {
  const { folders, maxUploadBytes: maxBytes, quota } = deps;
  await quota.check(declaredBytes(req));
  const hasher = (await createBLAKE3()).init();
  const onPiece = (piece: Uint8Array) => void hasher.update(piece);
  const received = await readUpload(req, { fileField: 'file', maxBytes, folder: folders.temp, onPiece });
  try {
    const hash = hasher.digest('hex');
    const { filePath, contentType } = readFields(received, hash);
    const fingerprint = fingerprintOf(JSON.stringify([hash, filePath, contentType]));
    return await once.run({ req, scope: 'assets', fingerprint }, async (keyed) => {
      const before = keyed?.found && (await findAsset(keyed.found.subject, deps));
      if (before) {
        markReplayed(res);
        return { status: 200, body: { ...assetView(before, req), created_new: false } };
      }
      const stored = await inTurn(() => store(deps, { received, hash, filePath, contentType }));
      keyed?.record({ subject: stored.asset.id, answer: null });
      keyed?.settle();
      const { asset, isNewContent } = stored;
      return { status: isNewContent ? 201 : 200, body: { ...uploadView(asset, req), created_new: isNewContent } };
    });
  } finally {
    await received.file.discard();
  }
}

const invalidRequest = (message: string): ApiError => new ApiError('invalid_request', message, { status: 422 });

/** Throws ApiError: 422 for a name that is missing or of a model, 409 hash_mismatch; and what safeParts throws. */
function readFields({ fields, file }: Upload, hash: string): { filePath: string; contentType: string } {
  const expected = fields.get('expected_hash')?.trim();
  if (expected && readHash(expected) !== hash)
    throw new ApiError('hash_mismatch', `The ${file.sizeBytes} bytes that arrived have the hash blake3:${hash}.`);
  const filePath = readFilePath(fields.get('file_path'));
  const contentType = fields.get('content_type')?.trim() ?? '';
  if (!/^[\w.+-]{1,100}\/[\w.+-]{1,100}(?:\s*;[ -~]{1,200})?$/.test(contentType))
    throw invalidRequest('"content_type" must be a media type such as image/png.');
  return { filePath, contentType };
}

/** The name is a label: it says how the asset is called, and where its ending tells what it is. Nothing is written there. */
function readFilePath(text: unknown): string {
  if (typeof text !== 'string') throw invalidRequest('"file_path" must be a name such as photo.png.');
  const parts = safeParts(text);
  if (parts.length === 0) throw invalidRequest('"file_path" must be a name such as photo.png.');
  if (parts[0] === 'models')
    throw invalidRequest(
      'Models are not uploaded: put them into the models folder of the server, whose owner chooses them.',
    );
  return parts.join('/');
}

/** `blake3:<64 digits>` → the digits. */
function readHash(text: unknown): string {
  const digits = typeof text === 'string' ? /^blake3:([0-9a-f]{64})$/i.exec(text)?.[1] : undefined;
  if (digits === undefined) throw invalidRequest('A hash is written blake3: and 64 hexadecimal digits.');
  return digits.toLowerCase();
}

interface Content {
  readonly received: Upload;
  readonly hash: string;
  readonly filePath: string;
  readonly contentType: string;
}

const newId = (): string => `asset_${randomUUID().replaceAll('-', '')}`;

/** The asset with this content, name and type: the one that is there, or a new one. */
async function store(
  { assets, folders, quota }: ApiV2Deps,
  { received, hash, filePath, contentType }: Content,
): Promise<{ asset: AssetRecord; isNewContent: boolean }> {
  const held = assets.findByHash(hash);
  const file = held?.file ?? assetFileName(hash, filePath);
  const isNewContent = !held || !(await locateAsset(folders, file));
  if (isNewContent) {
    await quota.take(received.file.sizeBytes);
    await placeAsset(folders, { received: received.file, file });
  }
  const same = assets.findByHash(hash, filePath);
  if (same?.contentType === contentType) return { asset: same, isNewContent };
  const { sizeBytes } = received.file;
  const asset = { id: newId(), hash, file, sizeBytes, contentType, filePath, createTime: Date.now() };
  assets.add(asset);
  return { asset, isNewContent };
}

/** The first asset of a content whose file is there. */
async function heldContent({ assets, folders }: ApiV2Deps, hash: string): Promise<AssetRecord | undefined> {
  const record = assets.findByHash(hash);
  return record && (await locateAsset(folders, record.file)) ? record : undefined;
}

async function readMint(req: Request): Promise<{ hash: string; filePath: string | undefined }> {
  const body = await readJson(req);
  if (!isRecord(body)) throw invalidRequest('The body must be a JSON object with the key "hash".');
  const { hash, file_path: filePath = null } = body;
  return { hash: readHash(hash), filePath: filePath === null ? undefined : readFilePath(filePath) };
}

/** An asset over a content that is there. Throws ApiError 404 blob_not_found. */
async function mint(
  deps: ApiV2Deps,
  { hash, filePath }: { hash: string; filePath: string | undefined },
): Promise<{ asset: AssetRecord; isNew: boolean }> {
  const held = await heldContent(deps, hash);
  if (!held) throw new ApiError('blob_not_found', 'There is no content of this hash: upload it.');
  const same = deps.assets.findByHash(hash, filePath);
  if (same) return { asset: same, isNew: false };
  const asset = { ...held, id: newId(), filePath: filePath ?? held.filePath, createTime: Date.now() };
  deps.assets.add(asset);
  return { asset, isNew: true };
}

/** Throws ApiError 409 asset_in_use: for outputs, which go with their jobs, and for what a waiting or running job loads. */
async function remove({ assets, folders, store }: ApiV2Deps, { id, promptId }: FoundAsset): Promise<void> {
  const record = assets.get(id);
  if (promptId !== null || !record) throw inUse('it is an output and goes with its job.');
  const name = assetInputName(record.file);
  for (const piece of store.queuePieces()) if (piece.includes(name)) throw inUse('a job that waits or runs loads it.');
  assets.remove(id);
  if (!assets.findByHash(record.hash)) await removeAssetFile(folders, record.file);
}

const inUse = (why: string): ApiError => new ApiError('asset_in_use', `The asset can't be deleted: ${why}`);

function uploadView({ id, hash, sizeBytes, contentType, filePath, createTime }: AssetRecord, req: Request): V2Asset {
  return assetView({ id, hash, sizeBytes, contentType, filePath, createTime, promptId: null }, req);
}

function assetView(asset: Omit<FoundAsset, 'content' | 'inputName'>, req: Request): V2Asset {
  const { id, hash, sizeBytes, contentType, filePath, createTime, promptId } = asset;
  return {
    id,
    hash: hash === null ? null : `blake3:${hash}`,
    size_bytes: sizeBytes,
    content_type: contentType,
    file_path: filePath,
    created_at: iso(createTime),
    url: assetUrl(req, id),
    url_expires_at: farOff(),
    expires_at: null,
    job_id: promptId,
  };
}
