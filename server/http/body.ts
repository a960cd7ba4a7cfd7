// Reads the body of a request as JSON, whatever its content type says (protocol: Every route), with limits on its bytes, on its
// values, and on what all bodies together hold in memory.
import type { IncomingMessage } from 'node:http';
import { parseJson } from '../json.ts';
import { bodyTooLarge, cutOff, HttpError } from './http-error.ts';

/** Enough for a graph with its workflow; pictures are sent to /upload. */
export const MAX_JSON_BYTES = 8 * 2 ** 20;
/** A text may hold one value for so many bytes of its limit: real graphs of that size hold fewer, and each costs time and memory. */
const BYTES_PER_VALUE = 40;
/** Of all bodies that are being received. */
const MAX_BYTES_IN_HAND = 64 * 2 ** 20;
/** Bodies up to this size are received whatever the others hold. */
const SMALL_BYTES = 64 * 2 ** 10;

/** Of this process, as its memory is. */
let bytesInHand = 0;

/** The body as a value. Throws HttpError: 413 if it is too large, 408 if it was cut off, 400 if it is not JSON, 503 if too much is being received. */
export async function readJson(request: IncomingMessage, limitBytes = MAX_JSON_BYTES): Promise<unknown> {
  const text = await readText(request, limitBytes);
  try {
    return parseJson(text, { maxValues: Math.ceil(limitBytes / BYTES_PER_VALUE) });
  } catch (error) {
    const reason = text.trim() === '' ? 'it is empty' : (error as Error).message;
    const message = `The body must be JSON: ${reason}`;
    throw new HttpError(400, message, { json: { error: message }, cause: error });
  }
}

/** The body as text (UTF-8), from `request.body` if another reader has left it there. Throws HttpError: 413, 408, 503. */
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
      const { length } = piece as Buffer;
      check(size + length, limitBytes);
      takeInHand(size, length);
      size += length;
      pieces.push(piece as Buffer);
    }
    return Buffer.concat(pieces).toString();
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw cutOff(error);
  } finally {
    bytesInHand -= size;
    request.resume(); // the rest is skipped, so that the response reaches the sender
  }
}

function check(size: number, limitBytes: number): void {
  if (size > limitBytes) throw bodyTooLarge(limitBytes, size);
}

/** `size`: what this body holds already. A body that is alone may always grow. */
function takeInHand(size: number, more: number): void {
  const isAlone = bytesInHand === size;
  if (!isAlone && size + more > SMALL_BYTES && bytesInHand + more > MAX_BYTES_IN_HAND) {
    const message = 'Other requests with large bodies are being received: try again in a moment.';
    throw new HttpError(503, message, { json: { error: message } });
  }
  bytesInHand += more;
}
