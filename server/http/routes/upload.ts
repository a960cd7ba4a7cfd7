// POST /upload/image and /upload/mask (protocol: Uploads; Masks).

import { Readable } from 'node:stream';
import type { Router } from 'express';
import { z } from 'zod';
import type { PictureReader } from '../../../nodes/node-context.ts';
import { refuseAssetFolder } from '../../files/asset-files.ts';
import { type DataFolders, isFolderType } from '../../files/data-folders.ts';
import type { UploadQuota } from '../../files/upload-quota.ts';
import { placeUpload, receive } from '../../files/uploads.ts';
import { HttpError } from '../http-error.ts';
import { sendJson, untilGone } from '../responses.ts';
import { createRouter } from '../router.ts';
import { declaredBytes, readUpload, type Upload } from './multipart.ts';
import { viewedPath } from './view.ts';

const originalRef = z.looseObject({
  filename: z.string(),
  subfolder: z.string().nullish(),
  type: z.string().nullish(),
});

interface UploadDeps {
  readonly folders: DataFolders;
  readonly maxBytes: number;
  readonly pictures: Pick<PictureReader, 'withAlphaOf'>;
  readonly quota: UploadQuota;
}

export function uploadRoutes({ folders, maxBytes, pictures, quota }: UploadDeps): Router {
  const read = { fileField: 'image', maxBytes, folder: folders.temp };
  const place = (upload: Upload) => placeIn({ folders, quota }, upload);
  return createRouter({
    'POST /upload/image': async (req, res) => {
      await quota.check(declaredBytes(req));
      const upload = await readUpload(req, read);
      try {
        sendJson(res, await place(upload));
      } finally {
        await upload.file.discard();
      }
    },
    'POST /upload/mask': async (req, res) => {
      await quota.check(declaredBytes(req));
      const upload = await readUpload(req, read);
      try {
        const original = await originalOf(folders, upload.fields.get('original_ref'));
        const bytes = await pictures.withAlphaOf(original, upload.file.path, { signal: untilGone(res) });
        const file = await receive(Readable.from([bytes]), folders.temp);
        try {
          sendJson(res, await place({ ...upload, file }));
        } finally {
          await file.discard();
        }
      } finally {
        await upload.file.discard();
      }
    },
  });
}

async function placeIn(
  { folders, quota }: Pick<UploadDeps, 'folders' | 'quota'>,
  { fields, filename, file }: Upload,
): Promise<object> {
  const type = fields.get('type') || 'input';
  if (!isFolderType(type)) throw new HttpError(400, 'type must be input, temp or output.');
  const subfolder = fields.get('subfolder') ?? '';
  if (type === 'input') refuseAssetFolder(subfolder);
  const overwrite = ['true', '1'].includes(fields.get('overwrite') ?? '');
  await quota.take(file.sizeBytes, { outside: type !== 'input' });
  const name = await placeUpload(file, { root: folders[type], subfolder, filename, overwrite });
  return { name, subfolder, type };
}

/** Path of the picture that a mask belongs to. */
async function originalOf(folders: DataFolders, text: string | undefined): Promise<string> {
  let value: unknown;
  try {
    value = JSON.parse(text ?? '');
  } catch {
    throw new HttpError(400, 'original_ref must be JSON such as {"filename":"a.png","subfolder":"","type":"output"}.');
  }
  const ref = originalRef.safeParse(value);
  if (!ref.success) throw new HttpError(400, `original_ref: ${z.prettifyError(ref.error)}`);
  return viewedPath(
    folders,
    new URLSearchParams({
      filename: ref.data.filename,
      subfolder: ref.data.subfolder ?? '',
      type: ref.data.type ?? 'output',
    }),
  );
}
