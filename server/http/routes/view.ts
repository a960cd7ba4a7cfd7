// GET /view: files of the data folders, as they are or re-encoded (protocol: View).
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Router } from 'express';
import type { PictureReader, ViewForm } from '../../../nodes/node-context.ts';
import { parseAnnotated } from '../../files/annotated-name.ts';
import { type DataFolders, isFolderType } from '../../files/data-folders.ts';
import { resolveInside, safeParts } from '../../files/safe-path.ts';
import { filenameParameter } from '../../security.ts';
import { HttpError } from '../http-error.ts';
import { queryOf, sendFile, untilGone, userFileHeaders } from '../responses.ts';
import { createRouter } from '../router.ts';

interface ViewDeps {
  readonly folders: DataFolders;
  readonly pictures: Pick<PictureReader, 'view'>;
}

export function viewRoutes({ folders, pictures }: ViewDeps): Router {
  return createRouter({
    'GET /view': async (req, res) => {
      const path = await viewedPath(folders, queryOf(req));
      const filename = basename(path);
      const form = formOf(queryOf(req));
      if (!form) return sendFile({ req, res }, path, userFileHeaders(req, filename));
      const bytes = await pictures.view({ path }, { name: filename, form, signal: untilGone(res) });
      res.setHeader('Content-Type', form.kind === 'preview' ? `image/${form.format}` : 'image/png');
      res.setHeader('Content-Disposition', filenameParameter(filename));
      res.send(bytes);
    },
  });
}

/** Real path of the file that the query names. Throws 400, 403, 404 as ComfyUI does. */
export async function viewedPath(
  folders: DataFolders,
  query: Pick<URLSearchParams, 'get'>,
  defaultType = 'output',
): Promise<string> {
  const annotated = query.get('filename');
  if (annotated === null) throw new HttpError(404);
  const { name, type: annotatedType } = parseAnnotated(annotated);
  if (name === '' || name.startsWith('/') || name.includes('..')) throw new HttpError(400);
  const type = annotatedType ?? query.get('type') ?? defaultType;
  if (!isFolderType(type)) throw new HttpError(400);
  const parts = [...safeParts(query.get('subfolder') ?? ''), ...safeParts(name).slice(-1)];
  const path = await resolveInside(folders[type], parts.join('/'));
  const isFile = await stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
  if (!isFile) throw new HttpError(404);
  return path;
}

/** How to re-encode the picture; undefined: send the file itself. `preview` takes precedence over `channel`. */
function formOf(query: URLSearchParams): ViewForm | undefined {
  const preview = query.get('preview');
  const channel = query.get('channel');
  if (preview !== null) {
    const parts = preview.split(';');
    const last = parts.at(-1) ?? '';
    const quality = /^\d{1,9}$/.test(last) ? Math.min(100, Math.max(1, Number(last))) : 90;
    return { kind: 'preview', format: parts[0] === 'jpeg' && !channel?.includes('a') ? 'jpeg' : 'webp', quality };
  }
  if (channel === 'rgb') return { kind: 'rgb' };
  return channel === 'a' ? { kind: 'alpha' } : undefined;
}
