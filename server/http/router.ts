// A table of routes → an Express router that also notes which methods each of its paths takes: that tells 405 from 404.
import express, { type RequestHandler, type Response, type Router } from 'express';

/** `METHOD /path` → its handler, tried in this order. */
export type RouteTable = Readonly<Record<`${'GET' | 'HEAD' | 'POST' | 'PATCH' | 'DELETE'} /${string}`, RequestHandler>>;

/** A router of these routes. A request that no handler takes is passed on, with the methods of its path noted (methodsOf). */
export function createRouter(table: RouteTable): Router {
  const router = express.Router();
  const methods = new Map<string, string[]>();
  for (const [route, handler] of Object.entries(table)) {
    const [method, path] = route.split(' ');
    router[method.toLowerCase() as 'get' | 'head' | 'post' | 'patch' | 'delete'](path, handler);
    methods.set(path, [...(methods.get(path) ?? []), method]);
  }
  for (const [path, names] of methods)
    router.all(path, (_req, res, next) => {
      res.locals.methods = [...methodsOf(res), ...names];
      next();
    });
  return router;
}

/** The methods that the routes of a request's path take: noted for requests that no route has handled. */
export const methodsOf = (res: Response): readonly string[] => (res.locals.methods as string[] | undefined) ?? [];
