// A WebSocket client that keeps what it receives, for tests to take in order.
import { once } from 'node:events';
import { WebSocket } from 'ws';

// biome-ignore lint/suspicious/noExplicitAny: what arrives is what is tested
export type Received = { readonly type: string; readonly data: any } | Buffer;

export interface TestSocket {
  readonly ws: WebSocket;
  /** The next message, parsed; binary ones as Buffer. Rejects once the connection is closed. */
  next(): Promise<Received>;
  /** Skips messages up to one of this type. */
  nextOf(type: string): Promise<Exclude<Received, Buffer>>;
  /** Messages that have arrived and were not taken. */
  readonly waiting: readonly Received[];
  /** Code and reason of the closing. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  close(): Promise<void>;
}

/** Wraps a socket that is being opened; listens at once, so that nothing is missed. */
export function testSocket(url: string, options: ConstructorParameters<typeof WebSocket>[2] = {}): TestSocket {
  const ws = new WebSocket(url, options);
  const waiting: Received[] = [];
  const takers: { resolve: (m: Received) => void; reject: (e: Error) => void }[] = [];
  ws.on('message', (data: Buffer, isBinary) => {
    const message: Received = isBinary ? data : JSON.parse(data.toString());
    const taker = takers.shift();
    if (taker) taker.resolve(message);
    else waiting.push(message);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    ws.on('close', (code, reason) => {
      for (const { reject } of takers.splice(0)) reject(new Error(`closed with ${code} ${reason}`));
      resolve({ code, reason: reason.toString() });
    });
  });
  ws.on('error', (error) => {
    for (const { reject } of takers.splice(0)) reject(error);
  });
  const next = () =>
    new Promise<Received>((resolve, reject) => {
      const message = waiting.shift();
      if (message !== undefined) resolve(message);
      else if (ws.readyState === WebSocket.CLOSED) reject(new Error('the connection is closed'));
      else takers.push({ resolve, reject });
    });
  return {
    ws,
    next,
    async nextOf(type) {
      for (;;) {
        const message = await next();
        if (!Buffer.isBuffer(message) && message.type === type) return message;
      }
    },
    waiting,
    closed,
    async close() {
      if (ws.readyState === WebSocket.CLOSED) return;
      const gone = once(ws, 'close');
      ws.close();
      await gone;
    },
  };
}

/** Status of a refused upgrade, with its text. */
export function refusal(
  url: string,
  options: ConstructorParameters<typeof WebSocket>[2] = {},
): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, options);
    ws.on('error', reject);
    ws.on('open', () => {
      ws.terminate();
      reject(new Error('the upgrade was accepted'));
    });
    ws.on('unexpected-response', async (_, response) => {
      const chunks = await response.toArray();
      resolve([response.statusCode!, Buffer.concat(chunks).toString()]);
    });
  });
}
