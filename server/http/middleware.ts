// Routers → an application: twins below /api, the check of Host and Origin, 404 and 405, errors, caching (protocol: Every route).
import { randomBytes } from 'node:crypto';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Router } from 'express';
import { InputError } from '../../engine/errors.ts';
import type { ServerLog } from '../log.ts';
import type { ServerOptions } from '../options.ts';
import { createRequestCheck, securityHeaders, TOKEN_MISSING, tokenPagePolicy } from '../security.ts';
import { createTokenCheck } from '../token.ts';
import { isApiV2, sendEnvelope } from './envelope.ts';
import { HttpError } from './http-error.ts';
import { renderTokenPage } from './page/token-page.ts';
import { queryOf, sendEmpty, sendJson } from './responses.ts';
import { methodsOf } from './router.ts';

export interface MountDeps {
  readonly options: Pick<ServerOptions, 'listen' | 'allowedHosts' | 'corsOrigin' | 'token' | 'tls'>;
  readonly log: Pick<ServerLog, 'logger'>;
  /** Their routes answer at their path and at `/api` + path. */
  readonly routers: readonly Router[];
  /** Without a twin: /internal, /extensions, /templates, /docs, /schemas, the web root (last). */
  readonly plainRouters: readonly Router[];
}

/** An Express application of these routes, with the middleware that all of them share. */
export function mountRouters({ options, log, routers, plainRouters }: MountDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.use(guard(options));
  if (options.token !== undefined) app.use(tokenGuard(options.token, { secure: !!options.tls }));
  app.use(cacheHeaders);
  for (const router of routers) app.use('/', router);
  for (const router of routers) app.use('/api', router);
  for (const router of plainRouters) app.use('/', router);
  app.use((req, res) => {
    const methods = new Set(methodsOf(res));
    // A route of this very method has passed the request on: it knows nothing at this path.
    if (methods.size === 0 || methods.has(req.method)) throw new HttpError(404, '404: Not Found');
    res.setHeader('Allow', [...methods].join(', '));
    throw new HttpError(405, '405: Method Not Allowed');
  });
  app.use(sendError(log));
  return app;
}

/** Checks Host and Origin, sets the headers of every response, answers OPTIONS. */
function guard(options: MountDeps['options']): RequestHandler {
  const check = createRequestCheck(options);
  const headers = Object.entries(securityHeaders(options.corsOrigin));
  return (req, res, next) => {
    for (const [name, value] of headers) res.setHeader(name, value);
    const result = check(req);
    if (!result.ok) throw new HttpError(result.status, result.message);
    if (req.method === 'OPTIONS') sendEmpty(res);
    else next();
  };
}

/**
 * Lets requests pass that show the token. `GET /?token=` and `GET /studio?token=` give a browser a cookie instead, and lead to the
 * address without the token, so that it stays in no history; a browser without it is shown a form. OPTIONS is answered before: a browser that asks for permission shows nothing.
 */
function tokenGuard(token: string, { secure }: { secure: boolean }): RequestHandler {
  const check = createTokenCheck(token, { secure });
  return (req, res, next) => {
    const query = queryOf(req);
    const isPage = req.method === 'GET' && PAGES.has(req.path);
    if (isPage && check.is(query.get('token'))) {
      query.delete('token');
      const rest = query.toString();
      res.setHeader('Set-Cookie', check.cookieFor(req));
      res.setHeader('Cache-Control', 'no-store');
      res.redirect(303, rest ? `${req.path}?${rest}` : req.path);
      return;
    }
    if (check.isShownBy(req)) return next();
    res.setHeader('WWW-Authenticate', 'Bearer realm="pez-nodes"');
    if (isPage && /\btext\/html\b/.test(req.headers.accept ?? '')) {
      const nonce = randomBytes(16).toString('base64');
      res.set({ 'Cache-Control': 'no-store', 'Content-Security-Policy': tokenPagePolicy(nonce) }).status(401);
      res.type('text/html').send(renderTokenPage({ path: req.path, isWrong: query.has('token'), nonce }));
      return;
    }
    throw new HttpError(401, TOKEN_MISSING);
  };
}

/** Addresses of pages that people open. */
const PAGES: ReadonlySet<string> = new Set(['/', '/studio']);

const PICTURES = /\.(?:jpe?g|png|ppm|bmp|pgm|tiff?|webp)$/i;
const CODE = /(?:\.(?:js|mjs|css)|(?:^|\/)index[^/]*\.json)$/i;
const FONTS = /\.(?:woff2?|ttf)$/i;
/** A front end's build puts a hash of the content into the name: `index-vtow2bzT.js`. A plain word is no hash: `node-settings.js`. */
const HASHED = /^\/assets\/[^/]+-([\w-]{8})\.[a-z0-9]+$/;
const isHashed = (path: string): boolean => /[A-Z0-9]/.test(HASHED.exec(path)?.[1] ?? '');

/** Cache-Control by the ending of the path (protocol: Every route); undefined if there is no rule for it. */
export function cacheControlOf(path: string, status: number): string | undefined {
  if (status === 200 && isHashed(path)) return 'public, max-age=31536000, immutable';
  if (CODE.test(path)) return 'no-store';
  if (FONTS.test(path)) return 'public, max-age=86400';
  if (!PICTURES.test(path)) return undefined;
  if (status === 404) return 'public, max-age=3600';
  if ([302, 303, 307].includes(status)) return 'no-cache';
  return status < 300 || status === 301 || status === 308 ? 'public, max-age=86400' : undefined;
}

/** Sets Cache-Control just before the headers are sent, unless the route has set it. */
const cacheHeaders: RequestHandler = (req, res, next) => {
  const { path } = req;
  const { writeHead } = res;
  res.writeHead = function (this: typeof res, ...args: Parameters<typeof writeHead>) {
    const value = cacheControlOf(path, args[0] ?? this.statusCode);
    if (value !== undefined && !this.hasHeader('Cache-Control')) this.setHeader('Cache-Control', value);
    return writeHead.apply(this, args);
  } as typeof writeHead;
  next();
};

/** Status of an error that a user can mend, by its code (engine/errors.ts); 400 otherwise. */
const STATUS: Readonly<Partial<Record<InputError['code'], number>>> = {
  PATH_OUTSIDE: 403,
  FILE_NOT_FOUND: 404,
  IMAGE_TOO_LARGE: 413,
  FILE_UNWRITABLE: 507,
};

/** The name is taken by another entry of the disk: another name helps, more room does not. */
const TAKEN = ['EEXIST', 'ENOTDIR', 'EISDIR'];

function statusOf({ code, cause }: InputError): number {
  const isTaken =
    code === 'FILE_UNWRITABLE' && TAKEN.includes((cause as NodeJS.ErrnoException | undefined)?.code ?? '');
  return isTaken ? 409 : (STATUS[code] ?? 400);
}

/** Errors → responses. An unforeseen one is logged in full; its response shows nothing of it. */
function sendError({ logger }: MountDeps['log']): ErrorRequestHandler {
  return (error, req, res, _next) => {
    if (res.headersSent) {
      if (!req.destroyed) logger.warn({ err: error }, `${req.method} ${req.path} broke off`);
      res.destroy();
      return;
    }
    if (isApiV2(req.path)) {
      const status = sendEnvelope(res, error, error instanceof InputError ? statusOf(error) : undefined);
      if (status >= 500) logger.error({ err: error }, `${req.method} ${req.path} failed`);
      return;
    }
    if (error instanceof InputError) {
      const { code, message } = error;
      const status = statusOf(error);
      if (status >= 500) logger.error(message);
      sendJson(res, { error: { type: code, message, details: '', extra_info: {} } }, status);
      return;
    }
    if (error instanceof HttpError && error.json !== undefined) {
      sendJson(res, error.json, error.status);
      return;
    }
    const status: unknown = error?.status;
    if (typeof status === 'number' && status >= 400 && status < 500) {
      // The client's fault: HttpError, and Express's own errors (a path that cannot be decoded).
      res
        .status(status)
        .type('text/plain')
        .send(error.expose === false ? '' : String(error.message ?? ''));
      return;
    }
    logger.error({ err: error }, `${req.method} ${req.path} failed`);
    res.status(500).type('text/plain').send('500 Internal Server Error\n\nServer got itself in trouble');
  };
}
