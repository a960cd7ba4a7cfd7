// The password of a server that others can reach: what a request must show, and how a browser comes by it (protocol: Token).
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { InputError } from '../engine/errors.ts';

export const MIN_TOKEN_LENGTH = 16;

/** Throws OPTION_INVALID for a token that is too short or cannot be sent in a header. The message does not show it. */
export function checkToken(token: string): void {
  if (token.length >= MIN_TOKEN_LENGTH && /^[!-~]+$/.test(token)) return;
  throw new InputError(
    'OPTION_INVALID',
    `The token must have at least ${MIN_TOKEN_LENGTH} characters, all of them visible ASCII: openssl rand -hex 16 makes a good one.`,
  );
}

/** A command line with `***` in place of the token. */
export const withoutToken = (argv: readonly string[]): string[] =>
  argv.map((arg, i) => {
    if (argv[i - 1] === '--token') return '***';
    return arg.startsWith('--token=') ? '--token=***' : arg;
  });

type Request = Pick<IncomingMessage, 'headers' | 'socket'>;

export interface TokenCheck {
  /** Whether a request shows the token: `Authorization: Bearer <token>`, or the cookie. */
  isShownBy(request: Request): boolean;
  /** Whether this is the token, as `?token=` gives it. */
  is(text: string | null): boolean;
  /** Set-Cookie for a browser that has shown the token. */
  cookieFor(request: Request): string;
}

/** `secure`: the server speaks TLS, so the cookie must not go over anything else. */
export function createTokenCheck(token: string, { secure }: { secure: boolean }): TokenCheck {
  // Not the token itself, which a cookie jar need not know; the same after a restart.
  const cookie = createHmac('sha256', token).update('pez-nodes cookie').digest('base64url');
  const isToken = comparer(token);
  const isCookie = comparer(cookie);
  return {
    isShownBy(request) {
      const [, bearer] = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? [];
      if (bearer !== undefined && isToken(bearer)) return true;
      const shown = cookieOf(request.headers.cookie ?? '', cookieName(request));
      return shown !== undefined && isCookie(shown);
    },
    is: (text) => text !== null && isToken(text),
    cookieFor: (request) =>
      `${cookieName(request)}=${cookie}; Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`,
  };
}

/** Compares digests, which have one length: the time says nothing about the text. */
function comparer(expected: string): (text: string) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const wanted = digest(expected);
  return (text) => timingSafeEqual(digest(text), wanted);
}

/** Cookies are shared by all ports of a host: servers on two ports must not take each other's away. */
const cookieName = ({ socket }: Request): string => `pez-nodes-${socket.localPort}`;

const cookieOf = (header: string, name: string): string | undefined =>
  header
    .split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1);
