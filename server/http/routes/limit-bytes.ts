// A request's body as a stream that fails with 413 once it is too long, whatever its Content-Length says.

import { Readable } from 'node:stream';
import type { Request } from 'express';
import { bodyTooLarge, cutOff, HttpError } from '../http-error.ts';

/** The bytes of the body. After an error the rest is skipped, so that the response reaches the sender. */
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
    throw cutOff(error);
  } finally {
    req.resume();
  }
}
