// Requests whose path and headers go out as they stand: fetch would tidy them up.
import { Agent, type IncomingHttpHeaders, request } from 'node:http';

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says
  json(): any;
}

export interface HttpRequest {
  readonly body?: string | Buffer;
  readonly headers?: Record<string, string>;
  /** Address to connect to. */
  readonly host?: string;
  /** A hang is an error: 20 s. */
  readonly timeoutMs?: number;
}

export interface HttpClient {
  send(method: string, path: string, options?: HttpRequest): Promise<HttpReply>;
  get(path: string, headers?: Record<string, string>): Promise<HttpReply>;
  post(path: string, body: string | Buffer, headers?: Record<string, string>): Promise<HttpReply>;
  /** Ends the connections that are kept. */
  close(): void;
}

/** A client of one port, which keeps its connections. Rejects where the server hangs or breaks off. */
export function httpClient(port: number): HttpClient {
  const agent = new Agent({ keepAlive: true });
  const send: HttpClient['send'] = (
    method,
    path,
    { body, headers = {}, host = '127.0.0.1', timeoutMs = 20_000 } = {},
  ) =>
    new Promise((resolve, reject) => {
      // Node adds no length to DELETE by itself.
      const length = body !== undefined &&
        !('transfer-encoding' in headers) && { 'content-length': Buffer.byteLength(body) };
      const all = { ...length, ...headers };
      const outgoing = request({ port, host, method, path, headers: all, agent, timeout: timeoutMs }, (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(pieces);
          const text = bytes.toString();
          const { statusCode = 0, headers } = response;
          resolve({ status: statusCode, headers, body: bytes, text, json: () => JSON.parse(text) });
        });
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${path}: no answer in ${timeoutMs} ms`)));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  return {
    send,
    get: (path, headers) => send('GET', path, { headers }),
    post: (path, body, headers) => send('POST', path, { body, headers }),
    close: () => agent.destroy(),
  };
}
