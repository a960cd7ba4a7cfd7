// The WebSocket side of the server: who is connected, and which message goes to whom (comfy-api.md section 3).
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ExecutionEvent, FeatureFlags, LogEntry } from '../../schemas/events.ts';
import type { RequestCheck } from '../security.ts';
import { createSocketClient, type Outgoing, type SocketClient, type SocketLimits } from './client.ts';
import { jsonFrame, previewFrame, previewWithMetadataFrame, textFrame } from './frames.ts';

export interface SocketHubOptions {
  /** Prompts that wait or run, for the first message of a connection and the periodic status. */
  readonly queueRemaining: () => number;
  /** Display id of the node that runs now, where the running prompt is this client's. */
  readonly executingNode: (clientId: string) => string | undefined;
  /** What the server can do: the answer to the handshake. */
  readonly features: FeatureFlags;
  readonly log?: { warn(message: string): void };
  readonly limits?: Partial<HubLimits>;
}

export interface HubLimits extends SocketLimits {
  /** Connections at once; the next one is refused with 503. */
  readonly maxSockets: number;
  /** Largest message of a client; a larger one closes its connection with 1009. */
  readonly maxMessageBytes: number;
  /** Every so often all get a status: some clients take silence for a dead server (3.1: 10 s). */
  readonly statusIntervalMs: number;
  readonly pingIntervalMs: number;
  /** Silence, pongs included, after which a client counts as gone. Scripts that are busy elsewhere answer no pings. */
  readonly goneAfterMs: number;
  /** How long close() waits for clients to say goodbye. */
  readonly closeWithinMs: number;
}

export interface SocketHub {
  /** Takes over the upgrades of a server: /ws and /api/ws; what `check` refuses gets its status (403). */
  attach(server: Server, check: RequestCheck): void;
  /** Sends an event of a prompt to the client that queued it. Without one: to all or to none, by its kind (3.3). */
  emit(clientId: string | undefined, event: ExecutionEvent): void;
  /** Tells everyone how many prompts wait or run. */
  status(queueRemaining: number): void;
  subscribeLogs(clientId: string, enabled: boolean): void;
  logs(entries: readonly LogEntry[], size?: { readonly cols: number; readonly rows: number }): void;
  /** Open connections. */
  readonly connections: number;
  /** Closes all connections (1001) and lets go of the servers. */
  close(): Promise<void>;
}

const defaultLimits: HubLimits = {
  skipAboveBytes: 2 ** 20,
  closeAboveBytes: 8 * 2 ** 20,
  maxSockets: 1000,
  maxMessageBytes: 2 ** 20,
  statusIntervalMs: 5_000,
  pingIntervalMs: 60_000,
  goneAfterMs: 600_000,
  closeWithinMs: 1_000,
};

const PATHS = ['/ws', '/api/ws'];
const GOING_AWAY = 1001;
/** Ids that may be subscribed to logs before or without being connected. */
const MAX_SUBSCRIPTIONS = 10_000;

/** Events that a later one repeats or that only decorate: these may be left out for slow readers. */
const SKIPPABLE: readonly ExecutionEvent['type'][] = ['progress', 'progress_state', 'preview', 'text'];

/** Events that everyone gets where the prompt has no client ("addr/bc" in 3.3, and the note on blockers in 4.8). */
function goesToAllWithoutClient(event: ExecutionEvent): boolean {
  if (event.type === 'execution_error') return event.data.exception_type === 'ExecutionBlocked';
  return event.type === 'execution_interrupted' || SKIPPABLE.includes(event.type);
}

/** The bytes of an event for one client; encoded once per form, however many clients there are. */
function encoder(event: ExecutionEvent): (client: SocketClient) => Outgoing {
  const made = new Map<boolean, Outgoing>();
  const skippable = SKIPPABLE.includes(event.type);
  const encode = (withMetadata: boolean): Outgoing => {
    if (event.type === 'text') return { bytes: textFrame(event.data), binary: true, skippable };
    if (event.type !== 'preview') return { bytes: jsonFrame(event.type, event.data), binary: false, skippable };
    const bytes = withMetadata ? previewWithMetadataFrame(event.data) : previewFrame(event.data);
    return { bytes, binary: true, skippable };
  };
  return ({ wantsPreviewMetadata }) => {
    const key = event.type === 'preview' && wantsPreviewMetadata;
    const message = made.get(key) ?? encode(key);
    made.set(key, message);
    return message;
  };
}

const statusMessage = (queueRemaining: number, sid?: string): Outgoing => ({
  bytes: jsonFrame('status', { status: { exec_info: { queue_remaining: queueRemaining } }, sid }),
  binary: false,
  skippable: sid === undefined,
});

function refuse(socket: Duplex, status: number, reason: string): void {
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8`;
  socket.on('error', () => socket.destroy());
  socket.end(`${head}\r\nContent-Length: ${Buffer.byteLength(reason)}\r\n\r\n${reason}`);
}

/** Path and query of an upgrade, or undefined where the request has none that can be read. */
function urlOf(request: IncomingMessage): URL | undefined {
  try {
    return new URL(`http://server${request.url}`);
  } catch {
    return undefined;
  }
}

/** Starts a hub with no one connected. It keeps no process alive. */
export function createSocketHub({
  queueRemaining,
  executingNode,
  features,
  log,
  limits: given,
}: SocketHubOptions): SocketHub {
  const limits = { ...defaultLimits, ...given };
  /** Who is addressed by an id: the newest socket that came with it. */
  const bySid = new Map<string, SocketClient>();
  /** All open connections, also those whose id was taken over. */
  const open = new Set<SocketClient>();
  const logSubscribers = new Set<string>();
  const detach: (() => void)[] = [];
  const acceptor = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.maxMessageBytes,
  });
  const warn = (message: string) => log?.warn(message);
  let closing = false;
  let lastRemaining = 0;

  /** The queue's length; the last one known where the queue can't be asked (its disk fails): sockets go on. */
  const remaining = (): number => {
    try {
      lastRemaining = queueRemaining();
    } catch (error) {
      warn(`the length of the queue is not known: ${(error as Error).message}`);
    }
    return lastRemaining;
  };

  const broadcast = (message: (client: SocketClient) => Outgoing) => {
    for (const client of bySid.values()) client.send(message(client));
  };

  const accept = (socket: WebSocket, clientId: string | null) => {
    const sid = clientId || randomUUID().replaceAll('-', '');
    const client = createSocketClient(sid, socket, { limits, features, warn });
    bySid.set(sid, client);
    open.add(client);
    socket.on('close', () => {
      open.delete(client);
      if (bySid.get(sid) !== client) return;
      bySid.delete(sid);
      logSubscribers.delete(sid);
    });
    client.send(statusMessage(remaining(), sid));
    const node = executingNode(sid);
    if (node !== undefined) {
      client.send({ bytes: jsonFrame('executing', { node }), binary: false, skippable: false });
    }
  };

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer, check: RequestCheck) => {
    const url = urlOf(request);
    const answer = check(request);
    if (!answer.ok) return refuse(socket, answer.status, answer.message);
    if (!url || !PATHS.includes(url.pathname)) return refuse(socket, 404, '404: Not Found');
    if (closing || open.size >= limits.maxSockets) {
      return refuse(socket, 503, 'too many connections: close some, or try again later');
    }
    acceptor.handleUpgrade(request, socket, head, (ws) => accept(ws, url.searchParams.get('clientId')));
  };

  const statusTimer = setInterval(() => {
    if (open.size === 0) return;
    const message = statusMessage(remaining());
    broadcast(() => message);
  }, limits.statusIntervalMs).unref();

  const pingTimer = setInterval(() => {
    const oldest = Date.now() - limits.goneAfterMs;
    for (const { heardAt, socket, sid } of open) {
      if (heardAt < oldest) {
        warn(
          `client ${JSON.stringify(sid.slice(0, 100))} has not been heard of for ${limits.goneAfterMs / 1000} s: its connection is ended`,
        );
        socket.terminate();
      } else if (socket.readyState === socket.OPEN) socket.ping();
    }
  }, limits.pingIntervalMs).unref();

  return {
    attach(server, check) {
      const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) =>
        upgrade(request, socket, head, check);
      server.on('upgrade', onUpgrade);
      detach.push(() => server.off('upgrade', onUpgrade));
    },

    emit(clientId, event) {
      try {
        const message = encoder(event);
        if (clientId === undefined) {
          if (goesToAllWithoutClient(event)) broadcast(message);
          return;
        }
        const client = bySid.get(clientId);
        client?.send(message(client));
      } catch (error) {
        warn(`a message ${event.type} could not be sent: ${(error as Error).message}`);
      }
    },

    status(queueLength) {
      lastRemaining = queueLength;
      const message = statusMessage(queueLength);
      broadcast(() => message);
    },

    subscribeLogs(clientId, enabled) {
      if (!enabled) logSubscribers.delete(clientId);
      else if (logSubscribers.size < MAX_SUBSCRIPTIONS) logSubscribers.add(clientId);
    },

    logs(entries, size) {
      if (logSubscribers.size === 0) return;
      const message = { bytes: jsonFrame('logs', { entries, size: size ?? null }), binary: false, skippable: true };
      for (const sid of logSubscribers) bySid.get(sid)?.send(message);
    },

    get connections() {
      return open.size;
    },

    async close() {
      closing = true;
      clearInterval(statusTimer);
      clearInterval(pingTimer);
      for (const undo of detach.splice(0)) undo();
      const gone = [...open].map(({ socket }) => new Promise<void>((resolve) => socket.once('close', resolve)));
      for (const { socket } of open) socket.close(GOING_AWAY, 'the server stops');
      const last = setTimeout(() => {
        for (const { socket } of open) socket.terminate();
      }, limits.closeWithinMs);
      await Promise.all(gone);
      clearTimeout(last);
      acceptor.close();
    },
  };
}
