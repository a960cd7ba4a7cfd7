// GET /object_info: every node, or one (protocol: Node descriptions).
import type { Router } from 'express';
import type { ChoiceSources } from '../../../nodes/node-context.ts';
import type { NodeInfo } from '../../../schemas/node-info.ts';
import type { ServerLog } from '../../log.ts';
import { describeNode } from '../../packs/node-info.ts';
import type { Registry } from '../../packs/registry.ts';
import { paramOf, sendJson } from '../responses.ts';
import { createRouter } from '../router.ts';

interface ObjectInfoDeps {
  readonly registry: Registry;
  readonly sources: ChoiceSources;
  readonly log: Pick<ServerLog, 'logger'>;
}

export function objectInfoRoutes({ registry, sources, log }: ObjectInfoDeps): Router {
  /** Entries of these classes. One whose description throws is left out, and logged. */
  const describe = (types: Iterable<string>): Record<string, NodeInfo> => {
    const entries: [string, NodeInfo][] = [];
    for (const type of types) {
      const registered = registry.get(type);
      if (!registered) continue;
      try {
        entries.push([type, describeNode(registered, sources)]);
      } catch (error) {
        log.logger.error({ err: error }, `the node ${type} can't be described and is left out of object_info`);
      }
    }
    return Object.fromEntries(entries);
  };
  return createRouter({
    'GET /object_info': (_req, res) => sendJson(res, describe(registry.keys())),
    'GET /object_info/:type': (req, res) => sendJson(res, describe([paramOf(req, 'type')])),
  });
}
