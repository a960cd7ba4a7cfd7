// Reads the body of a request as JSON, whatever its content type says (protocol: Every route), with a limit on its bytes.
import type { IncomingMessage } from 'node:http';
import { parseJson } from '../json.ts';
import { bodyTooLarge, cutOff, HttpError } from './http-error.ts';

/** Enough for a graph with its workflow; pictures are sent to /upload. */
export const MAX_JSON_BYTES = 64 * 2 ** 20;

/** The body as a value. Throws HttpError: 413 if it is too large, 408 if it was cut off, 400 if it is not JSON. */
export async function readJson(request: IncomingMessage, limitBytes = MAX_JSON_BYTES): Promise<unknown> {
  const text = await readText(request, limitBytes);
  try {
    return parseJson(text);
  } catch (error) {
    const reason = text.trim() === '' ? 'it is empty' : (error as Error).message;
    const message = `The body must be JSON: ${reason}`;
    throw new HttpError(400, message, { json: { error: message }, cause: error });
  }
}

/** The body as text (UTF-8), from `request.body` if another reader has left it there. Throws HttpError: 413, 408. */
export async function readText(request: IncomingMessage, limitBytes = MAX_JSON_BYTES): Promise<string> {
  const read = (request as { body?: unknown }).body;
  if (typeof read === 'string' || Buffer.isBuffer(read)) {
    check(Buffer.byteLength(read), limitBytes);
    return read.toString();
  }
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    check(Number(request.headers['content-length'] ?? 0), limitBytes);
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      size += (piece as Buffer).length;
      check(size, limitBytes);
      pieces.push(piece as Buffer);
    }
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw cutOff(error);
  } finally {
    request.resume(); // the rest is skipped, so that the response reaches the sender
  }
  return Buffer.concat(pieces).toString();
}

function check(size: number, limitBytes: number): void {
  if (size > limitBytes) throw bodyTooLarge(limitBytes, size);
}
