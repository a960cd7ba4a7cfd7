// One connected client: its handshake, what is sent to it, and what happens when it does not read.
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { FeatureFlags } from '../../schemas/events.ts';
import { jsonFrame } from './frames.ts';

export interface SocketLimits {
  /** Bytes that may wait for a slow reader before previews, progress, status and log lines are left out. */
  readonly skipAboveBytes: number;
  /** Bytes that may wait, beside the largest message, before the connection is closed with 1013: results are never left out silently. */
  readonly closeAboveBytes: number;
}

/** A message to send: `skippable` ones say again what an earlier or later message says. */
export interface Outgoing {
  readonly bytes: Buffer;
  readonly binary: boolean;
  readonly skippable: boolean;
}

/** Messages of one turn of the event loop go out together, in one write, unless they are more than this. */
const TOGETHER_BYTES = 2 ** 16;

/** WebSocket close code "try again later". */
const TRY_AGAIN_LATER = 1013;

export interface SocketClient {
  readonly sid: string;
  readonly socket: WebSocket;
  /** Has said what it supports, in the handshake. */
  readonly announced: boolean;
  /** Wants binary frame 4 instead of 1. */
  readonly wantsPreviewMetadata: boolean;
  /** When the client was last heard of, on the clock of performance.now(), ms; pongs count. */
  readonly heardAt: number;
  send(message: Outgoing): void;
}

export interface SocketClientOptions {
  /** What the frames of the socket are written to. */
  readonly transport: Duplex;
  readonly limits: SocketLimits;
  /** The server's flags, its answer to the handshake (protocol: Feature flags). */
  readonly features: FeatureFlags;
  readonly warn: (message: string) => void;
}

/** Wraps an open socket. */
export const createSocketClient = (sid: string, socket: WebSocket, options: SocketClientOptions): SocketClient =>
  new ConnectedClient(sid, socket, options);

/** A client's id for the log: clients choose their ids. */
export const nameOf = (sid: string): string => `client ${JSON.stringify(sid.slice(0, 100))}`;

class ConnectedClient implements SocketClient {
  readonly sid: string;
  readonly socket: WebSocket;
  readonly #options: SocketClientOptions;
  #announced = false;
  #wantsPreviewMetadata = false;
  #heardAt = performance.now();
  /** The next text message is the first one: it may be the handshake. */
  #handshakeOpen = true;
  /** Of the messages sent since none was waiting, bytes. */
  #largestBytes = 0;
  /** The messages of this turn wait for its end. */
  #collecting = false;

  constructor(sid: string, socket: WebSocket, options: SocketClientOptions) {
    this.sid = sid;
    this.socket = socket;
    this.#options = options;
    socket.on('pong', () => this.#noteHeard());
    socket.on('message', (data, isBinary) => {
      this.#noteHeard();
      if (isBinary || !this.#handshakeOpen) return;
      this.#handshakeOpen = false;
      this.#shakeHands(data.toString());
    });
    // Without a listener a broken connection or a message over the limit would end the process; 'close' follows.
    socket.on('error', (error) => options.warn(`connection of ${nameOf(sid)}: ${error.message}`));
  }

  get announced(): boolean {
    return this.#announced;
  }

  get wantsPreviewMetadata(): boolean {
    return this.#wantsPreviewMetadata;
  }

  get heardAt(): number {
    return this.#heardAt;
  }

  send({ bytes, binary, skippable }: Outgoing): void {
    const { socket } = this;
    const { skipAboveBytes, closeAboveBytes } = this.#options.limits;
    if (socket.readyState !== socket.OPEN) return;
    const waiting = socket.bufferedAmount;
    if (waiting === 0) this.#largestBytes = 0;
    if (skippable && waiting > skipAboveBytes) return;
    // One large result is not a backlog: it needs its time even if the client reads.
    if (waiting - this.#largestBytes > closeAboveBytes) {
      this.#closeAsTooSlow(waiting);
      return;
    }
    this.#largestBytes = Math.max(this.#largestBytes, bytes.length);
    this.#collect();
    socket.send(bytes, { binary });
    if (this.#options.transport.writableLength > TOGETHER_BYTES) this.#flush();
  }

  #collect(): void {
    if (this.#collecting) return;
    this.#collecting = true;
    this.#options.transport.cork();
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    if (!this.#collecting) return;
    this.#collecting = false;
    this.#options.transport.uncork();
  }

  #closeAsTooSlow(waitingBytes: number): void {
    this.#options.warn(
      `${nameOf(this.sid)} does not read: ${waitingBytes} bytes wait for it, so its connection is closed`,
    );
    this.socket.close(TRY_AGAIN_LATER, 'too slow: connect again, results are in /history');
  }

  #noteHeard(): void {
    this.#heardAt = performance.now();
  }

  #shakeHands(text: string): void {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      this.#options.warn(`${nameOf(this.sid)} sent text that is not JSON`);
      return;
    }
    const { type, data } = (message ?? {}) as { type?: unknown; data?: { supports_preview_metadata?: unknown } | null };
    if (type !== 'feature_flags') return;
    this.#announced = true;
    this.#wantsPreviewMetadata = data?.supports_preview_metadata === true;
    this.send({ bytes: jsonFrame('feature_flags', this.#options.features), binary: false, skippable: false });
  }
}
