// One connected client: its handshake, what is sent to it, and what happens when it does not read.
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

/** WebSocket close code "try again later". */
const TRY_AGAIN_LATER = 1013;

export interface SocketClient {
  readonly sid: string;
  readonly socket: WebSocket;
  /** Wants binary frame 4 instead of 1. */
  readonly wantsPreviewMetadata: boolean;
  /** When the client was last heard of, ms; pongs count. */
  readonly heardAt: number;
  send(message: Outgoing): void;
}

/** Wraps an open socket. `features`: the server's flags, its answer to the handshake (comfy-api.md 3.2). */
export function createSocketClient(
  sid: string,
  socket: WebSocket,
  { limits, features, warn }: { limits: SocketLimits; features: FeatureFlags; warn: (message: string) => void },
): SocketClient {
  let wantsPreviewMetadata = false;
  let heardAt = Date.now();
  let first = true;
  /** Of the messages sent since none was waiting, bytes. */
  let largest = 0;
  /** For the log: clients choose their ids. */
  const who = `client ${JSON.stringify(sid.slice(0, 100))}`;

  const send = ({ bytes, binary, skippable }: Outgoing): void => {
    if (socket.readyState !== socket.OPEN) return;
    const waiting = socket.bufferedAmount;
    if (waiting === 0) largest = 0;
    if (skippable && waiting > limits.skipAboveBytes) return;
    // One large result is no pile: it needs its time also where the client reads.
    if (waiting - largest > limits.closeAboveBytes) {
      warn(`${who} does not read: ${waiting} bytes wait for it, so its connection is closed`);
      socket.close(TRY_AGAIN_LATER, 'too slow: connect again, results are in /history');
      return;
    }
    largest = Math.max(largest, bytes.length);
    socket.send(bytes, { binary });
  };

  const shakeHands = (text: string): void => {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      warn(`${who} sent text that is no JSON`);
      return;
    }
    const { type, data } = (message ?? {}) as { type?: unknown; data?: { supports_preview_metadata?: unknown } | null };
    if (type !== 'feature_flags') return;
    wantsPreviewMetadata = data?.supports_preview_metadata === true;
    send({ bytes: jsonFrame('feature_flags', features), binary: false, skippable: false });
  };

  socket.on('pong', () => {
    heardAt = Date.now();
  });
  socket.on('message', (data, isBinary) => {
    heardAt = Date.now();
    if (isBinary || !first) return;
    first = false;
    shakeHands(data.toString());
  });
  // Without a listener a broken connection or a message over the limit would end the process; 'close' follows.
  socket.on('error', (error) => warn(`connection of ${who}: ${error.message}`));

  return {
    sid,
    socket,
    send,
    get wantsPreviewMetadata() {
      return wantsPreviewMetadata;
    },
    get heardAt() {
      return heardAt;
    },
  };
}
