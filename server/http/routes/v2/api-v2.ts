// All routes of Comfy API v2, at /api/v2 only (protocol: Comfy API v2).
import type { Router } from 'express';
import { createRouter } from '../../router.ts';
import { assetRoutes } from './assets.ts';
import type { ApiV2Deps } from './deps.ts';
import { eventRoutes } from './events.ts';
import { jobRoutes } from './jobs.ts';
import { createOnce } from './once.ts';

export function apiV2Routes(deps: ApiV2Deps): Router {
  const once = createOnce(deps.keys);
  return createRouter({ ...jobRoutes(deps, once), ...eventRoutes(deps), ...assetRoutes(deps, once) });
}
