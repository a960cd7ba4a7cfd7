// Answers of a decoder process as bytes in its stdout: uint32 length of a JSON head, the head, the bytes that it announces.
import type { Writable } from 'node:stream';
import { type ErrorCode, InputError } from '../errors.ts';
import type { DecoderResult } from './decoder-task.ts';

/** `error.code` is empty for errors that are no InputError; `isLast`: the process ends after it. */
export type ReplyHead =
  | { readonly info: DecoderResult['info']; readonly sizeBytes: number }
  | {
      readonly error: { readonly code: ErrorCode | ''; readonly message: string };
      readonly isLast: boolean;
      readonly sizeBytes: 0;
    };

export interface Reply {
  readonly head: ReplyHead;
  readonly bytes: Buffer;
}

/** Resolves once the bytes have gone into the pipe. */
const write = (out: Writable, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    out.write(bytes, (error) => (error ? reject(error) : resolve()));
  });

function writeHead(out: Writable, head: ReplyHead): Promise<void> {
  const json = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return write(out, Buffer.concat([length, json]));
}

export async function writeResult(out: Writable, { info, bytes }: DecoderResult): Promise<void> {
  await writeHead(out, { info, sizeBytes: bytes.reduce<number>((sum, { length }) => sum + length, 0) });
  for (const piece of bytes) await write(out, piece);
}

export function writeError(out: Writable, error: unknown, { isLast = false } = {}): Promise<void> {
  const code = error instanceof InputError ? error.code : '';
  const message = error instanceof Error ? error.message : String(error);
  return writeHead(out, { error: { code, message }, isLast, sizeBytes: 0 });
}

/** Reads answers from the pieces of a stream. The bytes of one go straight into one buffer: they may be half a gigabyte. */
export class ReplyReader {
  readonly #onReply: (reply: Reply) => void;
  #start = Buffer.alloc(0);
  #head: ReplyHead | undefined;
  #bytes = Buffer.alloc(0);
  #filled = 0;

  constructor(onReply: (reply: Reply) => void) {
    this.#onReply = onReply;
  }

  push(piece: Buffer): void {
    let rest = piece;
    while (rest.length > 0 || this.#isComplete()) {
      if (this.#isComplete()) this.#finish();
      else if (this.#head) rest = this.#fill(rest);
      else rest = this.#readHead(rest);
    }
  }

  #isComplete(): boolean {
    return this.#head !== undefined && this.#filled === this.#head.sizeBytes;
  }

  #finish(): void {
    const reply = { head: this.#head as ReplyHead, bytes: this.#bytes };
    this.#head = undefined;
    this.#bytes = Buffer.alloc(0);
    this.#filled = 0;
    this.#onReply(reply);
  }

  /** Returns what is left behind the head; nothing if the head is not complete yet. */
  #readHead(piece: Buffer): Buffer {
    const all = Buffer.concat([this.#start, piece]);
    const end = all.length >= 4 ? 4 + all.readUInt32BE(0) : Number.POSITIVE_INFINITY;
    if (all.length < end) {
      this.#start = all;
      return Buffer.alloc(0);
    }
    this.#start = Buffer.alloc(0);
    this.#head = JSON.parse(all.toString('utf8', 4, end)) as ReplyHead;
    this.#bytes = Buffer.allocUnsafeSlow(this.#head.sizeBytes);
    return all.subarray(end);
  }

  #fill(piece: Buffer): Buffer {
    const taken = piece.copy(this.#bytes, this.#filled);
    this.#filled += taken;
    return piece.subarray(taken);
  }
}
