// Who may send requests: an allow-list of Host (against DNS rebinding), a check of Origin (against other web pages
// in the same browser), the token if there is one, and the headers of every response (protocol: Security; Token).
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIP, isIPv4 } from 'node:net';
import type { ServerOptions } from './options.ts';
import { createTokenCheck } from './token.ts';

export type RequestCheck = (request: {
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders?: readonly string[];
}) => CheckResult;
/** The check of a request to upgrade, the token included. */
export type UpgradeCheck = (request: IncomingMessage) => CheckResult;
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

/** Names and addresses that never leave this machine. */
export const isLoopback = (name: string): boolean => {
  const address = name.replace(/^::ffff:/, '');
  const isName = name === 'localhost' || name.endsWith('.localhost');
  return isName || name === '::1' || (isIPv4(address) && address.startsWith('127.'));
};

/** The addresses of `--listen`, without brackets. */
export const addressesOf = (listen: string): string[] => listen.split(',').map((address) => hostNameOf(address.trim()));

const WILDCARDS = ['0.0.0.0', '::'];

const refused = (message: string, status = 403): CheckResult => ({ ok: false, status, message });

/** Node keeps the first of several Host headers; a proxy before it may have looked at another (RFC 9112, section 3.2). */
const hasTwoHosts = (rawHeaders: readonly string[]): boolean =>
  rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === 'host').length > 1;

/**
 * The check of every request, including GET and upgrades: what a server tells is private, too.
 * Programs other than browsers send no Origin and pass. `Origin: null` (sandboxed frames, local files) never passes.
 * Host: loopback, the bound addresses, `allowedHosts`. If bound to all addresses, any IP address is accepted: rebinding needs a name.
 */
export function createRequestCheck({
  listen,
  allowedHosts,
  corsOrigin,
}: Pick<ServerOptions, 'listen' | 'allowedHosts' | 'corsOrigin'>): RequestCheck {
  const bound = addressesOf(listen);
  const allowed = new Set([...bound, ...allowedHosts.map(hostNameOf)]);
  const isWild = bound.some((address) => WILDCARDS.includes(address));
  const mayBeAddressedAs = (name: string): boolean =>
    isLoopback(name) || allowed.has(name) || (isWild && isIP(name) !== 0);

  return ({ headers, rawHeaders = [] }) => {
    if (hasTwoHosts(rawHeaders)) return refused('A request has one Host header.', 400);
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

/** What a request without the token is told. */
export const TOKEN_MISSING =
  'This server asks for its token: open /?token=<token> in a browser, or send the header "Authorization: Bearer <token>".';

/** The check of an upgrade: a WebSocket of a browser cannot send headers, so its URL may have the token. */
export function createUpgradeCheck(
  options: Pick<ServerOptions, 'listen' | 'allowedHosts' | 'corsOrigin' | 'token' | 'tls'>,
): UpgradeCheck {
  const check = createRequestCheck(options);
  const token = options.token === undefined ? undefined : createTokenCheck(options.token, { secure: !!options.tls });
  return (request) => {
    const result = check(request);
    if (!result.ok || !token || token.isShownBy(request)) return result;
    const query = request.url?.split('?')[1];
    return token.is(new URLSearchParams(query).get('token')) ? result : refused(TOKEN_MISSING, 401);
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
          'Access-Control-Allow-Headers': 'Content-Type, Authorization, Idempotency-Key',
          'Access-Control-Allow-Credentials': 'true',
          ...(corsOrigin !== '*' && { Vary: 'Origin' }),
        }),
  };
}

/** CSP of our own page: nothing from elsewhere; its script and its style are allowed by nonce. */
export const pagePolicy = (nonce: string): string =>
  `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; img-src 'self' data:; ` +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/** CSP of the studio: its own files only, no inline script or style. Pictures of the user are shown as blobs, too. */
export const studioPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
  "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

/** CSP of the page that asks for the token. */
export const tokenPagePolicy = (nonce: string): string =>
  `default-src 'none'; style-src 'nonce-${nonce}'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;

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
