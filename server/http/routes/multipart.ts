// multipart/form-data → its fields, and its file in temp/, hashed on the way. A broken or oversized body leaves nothing behind.
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import type { Request } from 'express';
import { type Received, receive } from '../../files/uploads.ts';
import { bodyTooLarge, cutOff, HttpError } from '../http-error.ts';

export interface Upload {
  readonly fields: ReadonlyMap<string, string>;
  readonly filename: string;
  readonly file: Received;
}

/** What a request says about the length of its body; 0 if it says nothing. */
export const declaredBytes = (req: Request): number => Number(req.headers['content-length'] ?? 0);

const MAX_FIELDS = 32;
const MAX_FIELD_BYTES = 64 * 1024;

export interface UploadOptions {
  /** The field whose file is kept; files of other fields are skipped. */
  readonly fileField: string;
  readonly maxBytes: number;
  /** Where the file is put. */
  readonly folder: string;
  /** Sees each piece of the file. */
  readonly onPiece?: (piece: Uint8Array) => void;
}

/**
 * Reads an upload. Throws 400 if the body is not multipart or has no such file, 408 if it is cut off, 413 above `maxBytes`.
 */
export async function readUpload(
  req: Request,
  { fileField, maxBytes, folder, onPiece }: UploadOptions,
): Promise<Upload> {
  const declared = declaredBytes(req);
  if (declared > maxBytes) throw bodyTooLarge(maxBytes, declared);
  const contentType = req.headers['content-type'] ?? '';
  if (!/^multipart\/form-data\s*;/i.test(contentType))
    throw new HttpError(400, `Send the file as multipart/form-data, in the field ${fileField}.`);

  const fields = new Map<string, string>();
  const files: Promise<{ filename: string; file: Received }>[] = [];
  try {
    await parse(req, { contentType, maxBytes }, (parser, fail) => {
      parser.on('field', (name, value) => void fields.set(name, value));
      parser.on('file', (name, stream, filename) => {
        if (name !== fileField || files.length > 0) {
          stream.resume();
          return;
        }
        const received = receive(stream, folder, onPiece).then((file) => ({ filename: filename ?? '', file }));
        files.push(received);
        received.catch(fail); // if the disk is full, the sender must not be left waiting
      });
    });
  } catch (error) {
    for (const file of files) await file.then((received) => received.file.discard()).catch(() => {});
    throw error;
  }
  const kept = await files[0];
  if (kept === undefined) throw new HttpError(400, `The field ${fileField} must hold a file.`);
  if (kept.filename === '') {
    await kept.file.discard();
    throw new HttpError(400, 'The file must have a name.');
  }
  return { fields, ...kept };
}

/** Feeds the body to a parser until it ends. After an error, the rest of the body is skipped. */
function parse(
  req: Request,
  { contentType, maxBytes }: { contentType: string; maxBytes: number },
  prepare: (parser: BusboyInstance, fail: (error: Error) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let size = 0;
    const streams: { destroy(error: Error): unknown }[] = [];
    const fail = (error: Error): void => {
      req.off('data', count).unpipe(parser);
      req.resume();
      for (const stream of streams) stream.destroy(error);
      reject(error);
    };
    const count = (piece: Buffer): void => {
      size += piece.length;
      if (size > maxBytes) fail(bodyTooLarge(maxBytes, size));
    };
    let parser: BusboyInstance;
    try {
      parser = new Busboy({
        headers: { ...req.headers, 'content-type': contentType },
        limits: {
          fields: MAX_FIELDS,
          parts: MAX_FIELDS,
          fieldSize: MAX_FIELD_BYTES,
          fileSize: maxBytes,
          headerPairs: 100,
        },
      });
    } catch (error) {
      reject(new HttpError(400, `The multipart body can't be read: ${(error as Error).message}`));
      return;
    }
    parser.on('file', (_name, stream) => void streams.push(stream));
    prepare(parser, fail);
    const badBody = (error: Error) =>
      fail(new HttpError(400, `The multipart body can't be read: ${error.message}`, { cause: error }));
    parser.on('error', (error) => badBody(error as Error));
    parser.on('partsLimit', () => badBody(new Error(`it has more than ${MAX_FIELDS} parts`)));
    parser.on('finish', resolve);
    req.on('aborted', () => fail(cutOff()));
    req.on('error', (error) => fail(cutOff(error)));
    req.on('data', count);
    req.pipe(parser);
  });
}
