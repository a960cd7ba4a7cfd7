// The bytes of an asset, whole or a range of them. Nothing that a browser would run is shown under our origin.
import type { Request, Response } from 'express';
import { filenameParameter, isDangerousType } from '../../../security.ts';
import { HttpError } from '../../http-error.ts';
import { sendFile } from '../../responses.ts';
import type { FoundAsset } from './find-asset.ts';

/** Sends it. Throws HttpError 404, 416. */
export async function sendContent(
  { req, res }: { readonly req: Request; readonly res: Response },
  { content, contentType, filePath }: FoundAsset,
): Promise<void> {
  const name = filenameParameter(filePath.split('/').at(-1) ?? filePath);
  const headers = {
    'Content-Type': isDangerousType(contentType) ? 'application/octet-stream' : contentType,
    'Content-Disposition': isDangerousType(contentType) ? `attachment; ${name}` : name,
  };
  if ('path' in content) return sendFile({ req, res }, content.path, headers);
  for (const [key, value] of Object.entries(headers)) res.setHeader(key, value);
  sendText({ req, res }, Buffer.from(content.text));
}

/** As sendFile: one range is served, several are the whole. */
function sendText({ req, res }: { readonly req: Request; readonly res: Response }, bytes: Buffer): void {
  res.setHeader('Accept-Ranges', 'bytes');
  const ranges = req.range(bytes.length);
  if (ranges === -1) {
    for (const name of ['Content-Type', 'Content-Disposition']) res.removeHeader(name);
    res.setHeader('Content-Range', `bytes */${bytes.length}`);
    throw new HttpError(416);
  }
  const range = Array.isArray(ranges) && ranges.type === 'bytes' && ranges.length === 1 ? ranges[0] : undefined;
  if (range) res.status(206).setHeader('Content-Range', `bytes ${range.start}-${range.end}/${bytes.length}`);
  const part = range ? bytes.subarray(range.start, range.end + 1) : bytes;
  res.setHeader('Content-Length', part.length);
  res.end(req.method === 'HEAD' ? undefined : part);
}
