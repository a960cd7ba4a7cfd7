// The WebSocket side of the server: who is connected, and which message goes to whom (protocol: Connecting; Addressing of events).
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ExecutionEvent, FeatureFlags, LogEntry } from '../../schemas/events.ts';
import type { Audience } from '../preview-audience.ts';
import type { UpgradeCheck } from '../security.ts';
import { createSocketClient, nameOf, type Outgoing, type SocketClient, type SocketLimits } from './client.ts';
import {
  encoder,
  executingMessage,
  goesToAllWithoutClient,
  logsMessage,
  statusMessage,
  type TerminalSize,
} from './messages.ts';
import { AddressCounts, addressOf, refuse, urlOf } from './upgrade.ts';

export interface SocketHubOptions {
  /** Prompts that wait or run, for the first message of a connection and the periodic status. */
  readonly queueRemaining: () => number;
  /** Display id of the node that runs now, if the running prompt is this client's. */
  readonly executingNode: (clientId: string) => string | undefined;
  /** How the running prompt began and how far it is, if it is this client's. */
  readonly begun?: (clientId: string) => readonly ExecutionEvent[];
  /** What the server can do: the answer to the handshake. */
  readonly features: FeatureFlags;
  readonly log?: { warn(message: string): void };
  readonly limits?: Partial<HubLimits>;
}

export interface HubLimits extends SocketLimits {
  /** Connections at once; the next one is refused with 503. */
  readonly maxSockets: number;
  /** Of these, connections from one address: no single one may take all of them. */
  readonly maxSocketsPerAddress: number;
  /** Largest message of a client; a larger one closes its connection with 1009. */
  readonly maxMessageBytes: number;
  /** All get a status this often: some clients take 10 s of silence for a dead server (protocol: Connecting). */
  readonly statusIntervalMs: number;
  readonly pingIntervalMs: number;
  /** Silence, pongs included, after which a client counts as gone. Scripts that are busy elsewhere answer no pings. */
  readonly goneAfterMs: number;
  /** How long close() waits for clients to say goodbye. */
  readonly closeWithinMs: number;
}

export interface SocketHub {
  /** Takes over the upgrades of a server: /ws and /api/ws; what `check` refuses gets its status. */
  attach(server: Server, check: UpgradeCheck): void;
  /** Sends an event of a prompt to the client that queued it. Without one: to all or to none, by its kind (protocol: Addressing of events). */
  emit(clientId: string | undefined, event: ExecutionEvent, audience?: Audience): void;
  /** Whether a socket of this client is open. */
  hears(clientId: string): boolean;
  /** Tells everyone how many prompts wait or run. */
  status(queueRemaining: number): void;
  /** Whether a client gets log lines from now on; it need not be connected yet. */
  subscribeLogs(clientId: string, enabled: boolean): void;
  /** Sends log lines to their subscribers. */
  logs(entries: readonly LogEntry[], size?: TerminalSize): void;
  /** Open connections. */
  readonly connections: number;
  /** Closes all connections (1001) and lets go of the servers. */
  close(): Promise<void>;
}

const defaultLimits: HubLimits = {
  skipAboveBytes: 2 ** 20,
  closeAboveBytes: 8 * 2 ** 20,
  maxSockets: 1000,
  maxSocketsPerAddress: 250,
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

/** Starts a hub with no one connected. It keeps no process alive. */
export const createSocketHub = (options: SocketHubOptions): SocketHub => new ClientHub(options);

const isIn = (audience: Audience, { announced }: SocketClient): boolean =>
  audience === 'everyone' || (audience === 'announced' && announced);

/** `open`: takes connections. `closing`: refuses new ones and waits for the others to end. */
type HubState = 'open' | 'closing';

class ClientHub implements SocketHub {
  readonly #options: SocketHubOptions;
  readonly #limits: HubLimits;
  readonly #acceptor: WebSocketServer;
  /** Who is addressed by an id: the newest socket that came with it. */
  readonly #bySid = new Map<string, SocketClient>();
  /** All open connections, also those whose id was taken over. */
  readonly #connected = new Set<SocketClient>();
  readonly #addresses = new AddressCounts();
  readonly #logSubscribers = new Set<string>();
  /** One for each server that it is attached to. */
  readonly #detach: (() => void)[] = [];
  readonly #timers: readonly NodeJS.Timeout[];
  #state: HubState = 'open';
  #lastRemaining = 0;

  constructor(options: SocketHubOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#acceptor = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: this.#limits.maxMessageBytes,
    });
    this.#timers = [
      setInterval(() => this.#sendStatus(), this.#limits.statusIntervalMs).unref(),
      setInterval(() => this.#ping(), this.#limits.pingIntervalMs).unref(),
    ];
  }

  get connections(): number {
    return this.#connected.size;
  }

  attach(server: Server, check: UpgradeCheck): void {
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const url = this.#admit(request, socket, check);
      if (!url) return;
      const clientId = url.searchParams.get('clientId');
      this.#acceptor.handleUpgrade(request, socket, head, (ws) => {
        const address = addressOf(request);
        this.#addresses.add(address, 1);
        ws.on('close', () => this.#addresses.add(address, -1));
        this.#accept(ws, socket, clientId);
      });
    };
    server.on('upgrade', onUpgrade);
    this.#detach.push(() => server.off('upgrade', onUpgrade));
  }

  emit(clientId: string | undefined, event: ExecutionEvent, audience: Audience = 'everyone'): void {
    try {
      const message = encoder(event);
      const hear = (clients: Iterable<SocketClient | undefined>) => {
        for (const client of clients) if (client && isIn(audience, client)) client.send(message(client));
      };
      if (clientId !== undefined) hear([this.#bySid.get(clientId)]);
      else if (goesToAllWithoutClient(event)) hear(this.#bySid.values());
    } catch (error) {
      this.#warn(`a message ${event.type} could not be sent: ${(error as Error).message}`);
    }
  }

  hears(clientId: string): boolean {
    const socket = this.#bySid.get(clientId)?.socket;
    return socket !== undefined && socket.readyState === socket.OPEN;
  }

  status(queueRemaining: number): void {
    this.#lastRemaining = queueRemaining;
    const message = statusMessage(queueRemaining);
    this.#broadcast(() => message);
  }

  subscribeLogs(clientId: string, enabled: boolean): void {
    if (!enabled) this.#logSubscribers.delete(clientId);
    else if (this.#logSubscribers.size < MAX_SUBSCRIPTIONS) this.#logSubscribers.add(clientId);
  }

  logs(entries: readonly LogEntry[], size?: TerminalSize): void {
    if (this.#logSubscribers.size === 0) return;
    const message = logsMessage(entries, size);
    for (const sid of this.#logSubscribers) this.#bySid.get(sid)?.send(message);
  }

  async close(): Promise<void> {
    this.#state = 'closing';
    for (const timer of this.#timers) clearInterval(timer);
    for (const detach of this.#detach.splice(0)) detach();
    const sockets = [...this.#connected].map(({ socket }) => socket);
    const gone = sockets.map((socket) => new Promise<void>((resolve) => socket.once('close', resolve)));
    for (const socket of sockets) socket.close(GOING_AWAY, 'the server stops');
    const late = setTimeout(() => {
      for (const { socket } of this.#connected) socket.terminate();
    }, this.#limits.closeWithinMs);
    await Promise.all(gone);
    clearTimeout(late);
    this.#acceptor.close();
  }

  /** The URL of an upgrade that may go on; others are answered. */
  #admit(request: IncomingMessage, socket: Duplex, check: UpgradeCheck): URL | undefined {
    const url = urlOf(request);
    const answer = check(request);
    if (!answer.ok) refuse(socket, answer.status, answer.message);
    else if (!url || !PATHS.includes(url.pathname)) refuse(socket, 404, '404: Not Found');
    else if (this.#state === 'closing' || this.#connected.size >= this.#limits.maxSockets) {
      refuse(socket, 503, 'too many connections: close some, or try again later');
    } else if (this.#addresses.of(addressOf(request)) >= this.#limits.maxSocketsPerAddress) {
      refuse(socket, 503, 'too many connections from your address: close some, or try again later');
    } else return url;
    return undefined;
  }

  #accept(socket: WebSocket, transport: Duplex, clientId: string | null): void {
    const sid = clientId || randomUUID().replaceAll('-', '');
    const client = createSocketClient(sid, socket, {
      transport,
      limits: this.#limits,
      features: this.#options.features,
      warn: (message) => this.#warn(message),
    });
    this.#bySid.set(sid, client);
    this.#connected.add(client);
    socket.on('close', () => this.#forget(client));
    client.send(statusMessage(this.#remaining(), sid));
    for (const event of this.#options.begun?.(sid) ?? []) client.send(encoder(event)(client));
    const node = this.#options.executingNode(sid);
    if (node !== undefined) client.send(executingMessage(node));
  }

  #forget(client: SocketClient): void {
    this.#connected.delete(client);
    if (this.#bySid.get(client.sid) !== client) return;
    this.#bySid.delete(client.sid);
    this.#logSubscribers.delete(client.sid);
  }

  #broadcast(message: (client: SocketClient) => Outgoing): void {
    for (const client of this.#bySid.values()) client.send(message(client));
  }

  #sendStatus(): void {
    if (this.#connected.size > 0) this.status(this.#remaining());
  }

  #ping(): void {
    const { goneAfterMs } = this.#limits;
    const oldest = performance.now() - goneAfterMs; // the time of day may jump
    for (const { heardAt, socket, sid } of this.#connected) {
      if (heardAt < oldest) {
        this.#warn(`${nameOf(sid)} has not been heard of for ${goneAfterMs / 1000} s: its connection is ended`);
        socket.terminate();
      } else if (socket.readyState === socket.OPEN) socket.ping();
    }
  }

  /** The queue's length; the last one known if the queue can't be asked (its disk fails): sockets go on. */
  #remaining(): number {
    try {
      this.#lastRemaining = this.#options.queueRemaining();
    } catch (error) {
      this.#warn(`the length of the queue is unknown: ${(error as Error).message}`);
    }
    return this.#lastRemaining;
  }

  #warn(message: string): void {
    this.#options.log?.warn(message);
  }
}
