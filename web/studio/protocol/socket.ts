// The socket half of the protocol: messages and frames, and a connection that comes back by itself.
import type { ExecutionMessage } from '../../../schemas/events.ts';
import { type Frame, readFrame } from './frames.ts';

type Status = {
  readonly type: 'status';
  readonly data: { readonly status: { readonly exec_info: { readonly queue_remaining: number } } };
};
export type Message = ExecutionMessage | Status;

export interface SocketHandlers {
  message(message: Message): void;
  frame(frame: Frame): void;
  /** True once messages flow, false when the connection is lost. */
  connected(isOpen: boolean): void;
}

const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 5000;
/** The server sends a status every 5 s: a longer silence means that it is gone. */
const SILENCE_MS = 16_000;

/** Opens the socket and keeps it open. `stop` ends that. */
export function openSocket(clientId: string, handlers: SocketHandlers): { stop(): void; retryNow(): void } {
  let socket: WebSocket | undefined;
  let timer = 0;
  let silence = 0;
  let pause = FIRST_PAUSE_MS;
  let stopped = false;

  const heard = () => {
    clearTimeout(silence);
    silence = window.setTimeout(() => socket?.close(), SILENCE_MS);
  };
  const open = () => {
    clearTimeout(timer);
    const url = new URL(`/ws?clientId=${encodeURIComponent(clientId)}`, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const current = new WebSocket(url);
    socket = current;
    current.binaryType = 'arraybuffer';
    current.onopen = () => {
      pause = FIRST_PAUSE_MS;
      current.send(JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } }));
      heard();
      handlers.connected(true);
    };
    current.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      heard();
      if (typeof data === 'string') handlers.message(JSON.parse(data) as Message);
      else {
        const frame = readFrame(data);
        if (frame) handlers.frame(frame);
      }
    };
    current.onclose = () => {
      clearTimeout(silence);
      if (stopped || socket !== current) return;
      handlers.connected(false);
      timer = window.setTimeout(open, pause);
      pause = Math.min(LONGEST_PAUSE_MS, pause * 1.6);
    };
  };
  open();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      clearTimeout(silence);
      socket?.close();
    },
    retryNow() {
      if (socket?.readyState !== WebSocket.OPEN && socket?.readyState !== WebSocket.CONNECTING) open();
    },
  };
}
