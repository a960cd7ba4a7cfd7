// A body that ends with 413 once it is too long, whatever its Content-Length promised.

import { Readable } from 'node:stream';
import type { Request } from 'express';
import { bodyTooLarge, HttpError } from '../http-error.ts';

/** The body's bytes. After the error the rest is passed over, so that the answer reaches the sender. */
export function limitBytes(req: Request, maxBytes: number): Readable {
  return Readable.from(limited(req, maxBytes));
}

async function* limited(req: Request, maxBytes: number): AsyncGenerator<Buffer> {
  let size = 0;
  try {
    for await (const piece of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > maxBytes) throw bodyTooLarge(maxBytes, size);
      yield piece;
    }
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(400, 'The upload was cut off.', { cause: error });
  } finally {
    req.resume();
  }
}
