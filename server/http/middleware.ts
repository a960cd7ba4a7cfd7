// What holds for every route: its twin below /api, who may ask, 404 and 405, errors, caching (comfy-api.md 1.0).
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Router } from 'express';
import { InputError } from '../../engine/errors.ts';
import type { ServerLog } from '../log.ts';
import type { ServerOptions } from '../options.ts';
import { createRequestCheck, securityHeaders } from '../security.ts';
import { HttpError } from './http-error.ts';
import { sendEmpty, sendJson } from './responses.ts';

export interface RulesDeps {
  readonly options: Pick<ServerOptions, 'listen' | 'allowedHosts' | 'corsOrigin'>;
  readonly log: Pick<ServerLog, 'logger'>;
  /** Routes that answer at their path and at `/api` + path. */
  readonly routers: readonly Router[];
  /** Routes without a twin: /internal, /extensions, /templates, /docs, /schemas, the web root (last). */
  readonly plainRouters: readonly Router[];
}

/** An Express application of these routes. */
export function applyRules({ options, log, routers, plainRouters }: RulesDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.use(guard(options), cacheHeaders);
  for (const router of routers) app.use('/', router);
  for (const router of routers) app.use('/api', router);
  for (const router of plainRouters) app.use('/', router);
  app.use((req) => {
    const plain = methodsOf([...routers, ...plainRouters], req.path);
    const twin = req.path.startsWith('/api/') ? methodsOf(routers, req.path.slice('/api'.length)) : [];
    const allowed = [...new Set([...plain, ...twin])];
    if (allowed.length === 0) throw new HttpError(404, '404: Not Found');
    req.res?.setHeader('Allow', allowed.map((method) => method.toUpperCase()).join(', '));
    throw new HttpError(405, '405: Method Not Allowed');
  });
  app.use(answerError(log));
  return app;
}

/** Checks Host and Origin, sets the headers that go everywhere, answers OPTIONS. */
function guard(options: RulesDeps['options']): RequestHandler {
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

const PICTURES = /\.(?:jpe?g|png|ppm|bmp|pgm|tiff?|webp)$/i;
const CODE = /(?:\.(?:js|mjs|css)|(?:^|\/)index[^/]*\.json)$/i;

/** Cache-Control by the path's ending (1.0.9); undefined where the rules say nothing. */
export function cacheControlOf(path: string, status: number): string | undefined {
  if (CODE.test(path)) return 'no-store';
  if (!PICTURES.test(path)) return undefined;
  if (status === 404) return 'public, max-age=3600';
  if ([302, 303, 307].includes(status)) return 'no-cache';
  return status < 300 || status === 304 || status === 301 || status === 308 ? 'public, max-age=86400' : undefined;
}

/** Sets Cache-Control just before the headers go out, where the route set none. */
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

/** Methods that some route answers at this path: tells 405 from 404. */
function methodsOf(routers: readonly Router[], path: string): string[] {
  return routers.flatMap((router) =>
    (router.stack as unknown as readonly RouteLayer[])
      .filter((layer) => layer.route && layer.match(path))
      .flatMap(({ route }) => Object.keys(route?.methods ?? {})),
  );
}

/** What Express keeps of a route. */
interface RouteLayer {
  readonly route?: { readonly methods: Readonly<Record<string, boolean>> };
  match(path: string): boolean;
}

/** Statuses of errors that a user can mend; 400 otherwise. */
const STATUS: Readonly<Partial<Record<InputError['code'], number>>> = {
  PATH_OUTSIDE: 403,
  FILE_NOT_FOUND: 404,
  IMAGE_TOO_LARGE: 413,
  FILE_UNWRITABLE: 507,
};

/** A name that another entry of the disk has already: another name will do, more room will not. */
const TAKEN = ['EEXIST', 'ENOTDIR', 'EISDIR'];

function statusOf({ code, cause }: InputError): number {
  const isTaken =
    code === 'FILE_UNWRITABLE' && TAKEN.includes((cause as NodeJS.ErrnoException | undefined)?.code ?? '');
  return isTaken ? 409 : (STATUS[code] ?? 400);
}

/** Errors → answers. What nobody foresaw is logged whole and answered without its stack. */
function answerError({ logger }: RulesDeps['log']): ErrorRequestHandler {
  return (error, req, res, _next) => {
    if (res.headersSent) {
      if (!req.destroyed) logger.warn({ err: error }, `${req.method} ${req.path} broke off`);
      res.destroy();
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
      // A client's fault: HttpError, BodyError, and Express's own (a path that can't be decoded).
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
