// Everything that the routes need → all of them in one Express application.
import type { Express, Router } from 'express';
import type { ChoiceSources, OfferedModels, PictureReader } from '../../nodes/node-context.ts';
import type { FeatureFlags } from '../../schemas/events.ts';
import type { DataFolders } from '../files/data-folders.ts';
import type { FileKinds } from '../files/file-kinds.ts';
import type { ModelFiles } from '../files/model-files.ts';
import { createUploadQuota } from '../files/upload-quota.ts';
import type { ServerLog } from '../log.ts';
import type { ServerOptions } from '../options.ts';
import type { Pack } from '../packs/packs.ts';
import type { Registry } from '../packs/registry.ts';
import { mountRouters } from './middleware.ts';
import { renderIndexPage } from './page/index-page.ts';
import { internalRoutes } from './routes/internal.ts';
import { modelRoutes } from './routes/models.ts';
import { objectInfoRoutes } from './routes/object-info.ts';
import { packFileRoutes, packRoutes } from './routes/packs.ts';
import { studioRoutes } from './routes/studio.ts';
import { systemRoutes } from './routes/system.ts';
import { templateRoutes } from './routes/templates.ts';
import { uploadRoutes } from './routes/upload.ts';
import { userdataRoutes } from './routes/userdata.ts';
import { userRoutes } from './routes/users.ts';
import { apiV2Routes } from './routes/v2/api-v2.ts';
import type { ApiV2Deps } from './routes/v2/deps.ts';
import { viewRoutes } from './routes/view.ts';
import { webRootRoutes } from './routes/web-root.ts';
import { createUsers } from './users.ts';

export interface AppDeps {
  readonly options: Pick<
    ServerOptions,
    | 'listen'
    | 'allowedHosts'
    | 'corsOrigin'
    | 'token'
    | 'tls'
    | 'maxUploadBytes'
    | 'maxUploadsBytes'
    | 'multiUser'
    | 'frontEndRoot'
  >;
  /** Prepared: prepareDataFolders. */
  readonly folders: DataFolders;
  readonly registry: Registry;
  readonly sources: ChoiceSources;
  readonly offered: OfferedModels;
  /** The same models, as clients see them. */
  readonly models: ModelFiles;
  readonly kinds: FileKinds;
  readonly packs: readonly Pack[];
  /** Decodes pictures of strangers outside of this process. */
  readonly pictures: PictureReader;
  readonly features: FeatureFlags;
  readonly log: Pick<ServerLog, 'logger' | 'entries'>;
  /** Of the built studio; undefined if it has not been built. */
  readonly studio?: string | undefined;
  /** The socket hub's. */
  subscribeLogs(clientId: string, enabled: boolean): void;
  /** How many prompts are running or waiting, for the page at `/`. */
  queueRemaining(): number;
  /** More routes, at their path and below /api: prompt, queue, history, jobs. */
  readonly routers: readonly Router[];
  /** API v2, if there is a queue. */
  readonly apiV2?: Omit<ApiV2Deps, 'folders' | 'quota' | 'maxUploadBytes' | 'registry' | 'sources'>;
  /** The command line, as /system_stats shows it. */
  readonly argv?: readonly string[];
}

/** The Express application. It does not listen, and there is nothing to close. */
export function createApp(deps: AppDeps): Express {
  const { options, folders, packs, log, features, registry, sources, offered, models, kinds, pictures, studio } = deps;
  const { frontEndRoot, maxUploadBytes, multiUser } = options;
  const quota = createUploadQuota(folders, options.maxUploadsBytes);
  const users = createUsers({ folders, multiUser });
  const page = (nonce: string) =>
    renderIndexPage({ registry, sources, offered, kinds, packs, queueRemaining: deps.queueRemaining(), nonce });
  return mountRouters({
    options,
    log,
    routers: [
      ...deps.routers,
      objectInfoRoutes({ registry, sources, log }),
      systemRoutes({ features, argv: deps.argv ?? [] }),
      viewRoutes({ folders, pictures }),
      uploadRoutes({ folders, maxBytes: maxUploadBytes, pictures, quota }),
      userRoutes({ users }),
      userdataRoutes({ users, maxBytes: maxUploadBytes, tempFolder: folders.temp, quota }),
      modelRoutes({ models, kinds, pictures, packs }),
      packRoutes({ packs, frontEndRoot }),
    ],
    plainRouters: [
      ...(deps.apiV2 ? [apiV2Routes({ ...deps.apiV2, folders, quota, maxUploadBytes, registry, sources })] : []),
      internalRoutes({ folders, models, log, subscribeLogs: deps.subscribeLogs }),
      packFileRoutes({ packs, frontEndRoot }),
      templateRoutes({ packs }),
      studioRoutes({ folder: studio }),
      webRootRoutes({ frontEndRoot, studio, page }),
    ],
  });
}
