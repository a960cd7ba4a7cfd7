// Who may send requests: an allow-list of Host (against DNS rebinding), a check of Origin (against other web pages
// in the same browser), and the headers of every response. There is no login (protocol: Security).
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import type { ServerOptions } from './options.ts';

export type RequestCheck = (request: { readonly headers: IncomingHttpHeaders }) => CheckResult;
export type CheckResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly status: number; readonly message: string };

interface HostName {
  /** Lower case, without the brackets of IPv6. */
  readonly name: string;
  readonly port: string;
}

/** Parses `name`, `name:port`, `[::1]:port`. */
function parseHost(text: string): HostName | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@\s]+))(?::(\d{1,5}))?$/i.exec(text);
  if (!match) return undefined;
  const name = (match[1] ?? match[2]).toLowerCase().replace(/\.$/, '');
  return { name, port: match[3] ?? '' };
}

/** Host and port of an origin, the default port filled in; undefined for `null` and for what is not an http origin. */
function parseOrigin(origin: string): HostName | undefined {
  const match = /^(https?):\/\/([^/]+)$/i.exec(origin);
  const host = match ? parseHost(match[2]) : undefined;
  if (!match || !host) return undefined;
  return { name: host.name, port: host.port || (match[1].toLowerCase() === 'https' ? '443' : '80') };
}

/** Without brackets, so that `[::1]`, `::1` and `localhost:8188` may all be given. */
const hostNameOf = (text: string): string => parseHost(text)?.name ?? text.trim().toLowerCase();

const isLoopback = (name: string): boolean =>
  name === 'localhost' ||
  name.endsWith('.localhost') ||
  name === '::1' ||
  /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/.test(name);

const WILDCARDS = ['0.0.0.0', '::'];

const refused = (message: string): CheckResult => ({ ok: false, status: 403, message });

/**
 * The check of every request, including GET and upgrades: what a server without a login tells is private, too.
 * Programs other than browsers send no Origin and pass. `Origin: null` (sandboxed frames, local files) never passes.
 * Host: loopback, the bound addresses, `allowedHosts`. If bound to all addresses, any IP address is accepted: rebinding needs a name.
 */
export function createRequestCheck({
  listen,
  allowedHosts,
  corsOrigin,
}: Pick<ServerOptions, 'listen' | 'allowedHosts' | 'corsOrigin'>): RequestCheck {
  const bound = listen.split(',').map((address) => hostNameOf(address.trim()));
  const allowed = new Set([...bound, ...allowedHosts.map(hostNameOf)]);
  const isWild = bound.some((address) => WILDCARDS.includes(address));
  const mayBeAddressedAs = (name: string): boolean =>
    isLoopback(name) || allowed.has(name) || (isWild && isIP(name) !== 0);

  return ({ headers }) => {
    const host = parseHost(headers.host ?? '');
    if (!host || !mayBeAddressedAs(host.name))
      return refused(
        `This server does not go by the name ${JSON.stringify((headers.host ?? '').slice(0, 200))}: ` +
          'if that is its name, start it with --allow-host <name>',
      );
    const { origin } = headers;
    const isCrossSite = headers['sec-fetch-site'] === 'cross-site';
    if (origin === undefined) {
      if (!isCrossSite || corsOrigin !== undefined) return { ok: true };
      return refused('Requests from other websites are refused: see --enable-cors-header');
    }
    const from = parseOrigin(origin);
    // If a proxy has removed the port from Host, it cannot be compared; a browser leaves out only the default port.
    const isOwn = from !== undefined && from.name === host.name && (host.port === '' || host.port === from.port);
    if (isOwn) return { ok: true };
    if (from !== undefined && (corsOrigin === '*' || corsOrigin?.toLowerCase() === origin.toLowerCase()))
      return { ok: true };
    return refused(
      `Requests of the origin ${JSON.stringify(origin.slice(0, 200))} are refused: ` +
        'to allow it, start the server with --enable-cors-header <origin>',
    );
  };
}

/** Headers of every response. They do not restrict a ComfyUI front end, which loads everything from this server. */
export function securityHeaders(corsOrigin: string | undefined): Readonly<Record<string, string>> {
  return {
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'SAMEORIGIN',
    'Referrer-Policy': 'same-origin',
    ...(corsOrigin === undefined
      ? { 'Cross-Origin-Resource-Policy': 'same-origin' }
      : {
          'Access-Control-Allow-Origin': corsOrigin,
          'Access-Control-Allow-Methods': 'POST, GET, DELETE, PUT, OPTIONS, PATCH',
          'Access-Control-Allow-Headers': 'Content-Type, Authorization',
          'Access-Control-Allow-Credentials': 'true',
          ...(corsOrigin !== '*' && { Vary: 'Origin' }),
        }),
  };
}

/** CSP of our own page: nothing from elsewhere; its script and its style are allowed by nonce. */
export const pagePolicy = (nonce: string): string =>
  `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; img-src 'self' data:; ` +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

const DANGEROUS =
  /^(?:text\/(?:html|css|(?:x-)?(?:java|ecma|live|j)script\S*)|application\/(?:xhtml\+xml|(?:x-)?(?:java|ecma)script)|message\/rfc822|multipart\/\S+)$/;

/** Whether a browser would run or interpret a file of this type: HTML, scripts, styles, any XML (SVG), mail. */
export function isDangerousType(contentType: string): boolean {
  const type = contentType.split(';')[0].trim().toLowerCase();
  return DANGEROUS.test(type) || /(?:^|[/+.-])xml(?:$|[-+])/.test(type) || type.endsWith('xml');
}

const escapeQuoted = (text: string): string => text.replace(/["\\]/g, '\\$&');

/** `filename="…"` for Content-Disposition (RFC 6266): ASCII for every client, and UTF-8 beside it if ASCII loses something. */
export function filenameParameter(filename: string): string {
  const ascii = filename.replace(/[^ -~]/g, '_');
  const plain = `filename="${escapeQuoted(ascii)}"`;
  if (ascii === filename) return plain;
  const encoded = encodeURIComponent(filename.replace(/\p{Surrogate}/gu, '_')).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${plain}; filename*=UTF-8''${encoded}`;
}
