// A request to upgrade → its URL, or its refusal in HTTP: there is no response object yet, only the bare socket; and how many
// connections each address has.
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** Answers with a status and its reason, and closes. */
export function refuse(socket: Duplex, status: number, reason: string): void {
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8`;
  socket.on('error', () => socket.destroy());
  socket.end(`${head}\r\nContent-Length: ${Buffer.byteLength(reason)}\r\n\r\n${reason}`);
}

/** Path and query of an upgrade, or undefined if they cannot be read. */
export function urlOf(request: IncomingMessage): URL | undefined {
  try {
    return new URL(`http://server${request.url}`);
  } catch {
    return undefined;
  }
}

/** Connections by the address that they come from. */
export class AddressCounts {
  readonly #counts = new Map<string, number>();

  of(address: string): number {
    return this.#counts.get(address) ?? 0;
  }

  add(address: string, more: 1 | -1): void {
    const count = this.of(address) + more;
    if (count > 0) this.#counts.set(address, count);
    else this.#counts.delete(address);
  }
}

/** Where a request comes from. An IPv4 address is one address, however the socket writes it. */
export const addressOf = ({ socket }: IncomingMessage): string => (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
