// POST /upload/image and /upload/mask (protocol: Uploads; Masks).

import { Readable } from 'node:stream';
import type { Router } from 'express';
import { z } from 'zod';
import type { PictureReader } from '../../../nodes/node-context.ts';
import { type DataFolders, isFolderType } from '../../files/data-folders.ts';
import { placeUpload, receive } from '../../files/uploads.ts';
import { HttpError } from '../http-error.ts';
import { sendJson, untilGone } from '../responses.ts';
import { createRouter } from '../router.ts';
import { readUpload, type Upload } from './multipart.ts';
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
}

export function uploadRoutes({ folders, maxBytes, pictures }: UploadDeps): Router {
  const read = { fileField: 'image', maxBytes, folder: folders.temp };
  return createRouter({
    'POST /upload/image': async (req, res) => {
      const upload = await readUpload(req, read);
      try {
        sendJson(res, await place(folders, upload));
      } finally {
        await upload.file.discard();
      }
    },
    'POST /upload/mask': async (req, res) => {
      const upload = await readUpload(req, read);
      try {
        const original = await originalOf(folders, upload.fields.get('original_ref'));
        const bytes = await pictures.withAlphaOf(original, upload.file.path, { signal: untilGone(res) });
        const file = await receive(Readable.from([bytes]), folders.temp);
        try {
          sendJson(res, await place(folders, { ...upload, file }));
        } finally {
          await file.discard();
        }
      } finally {
        await upload.file.discard();
      }
    },
  });
}

async function place(folders: DataFolders, { fields, filename, file }: Upload): Promise<object> {
  const type = fields.get('type') || 'input';
  if (!isFolderType(type)) throw new HttpError(400, 'type must be input, temp or output.');
  const subfolder = fields.get('subfolder') ?? '';
  const overwrite = ['true', '1'].includes(fields.get('overwrite') ?? '');
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
