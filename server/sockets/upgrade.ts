// A request to upgrade → its URL, or its refusal in HTTP: there is no response object yet, only the bare socket.
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
