// What the routes of API v2 need.
import type { DataFolders } from '../../../files/data-folders.ts';
import type { UploadQuota } from '../../../files/upload-quota.ts';
import type { AssetRecords } from '../../../queue/asset-records.ts';
import type { Dispatcher } from '../../../queue/dispatcher.ts';
import type { IdempotencyKeys } from '../../../queue/idempotency-keys.ts';
import type { JobFeed } from '../../../queue/job-feed.ts';
import type { JobStore } from '../../../queue/store.ts';
import type { ValidationOptions } from '../../../validate/validate-prompt.ts';

/** What a server gives to them. */
export interface ApiV2Deps extends Pick<ValidationOptions, 'registry' | 'sources' | 'files'> {
  readonly folders: DataFolders;
  readonly quota: UploadQuota;
  readonly store: JobStore;
  readonly dispatcher: Pick<Dispatcher, 'accept' | 'cancel' | 'isInterrupted'>;
  readonly feed: JobFeed;
  readonly keys: IdempotencyKeys;
  readonly assets: AssetRecords;
  /** Prompts that may wait. */
  readonly maxQueueLength: number;
  /** Of the body of POST /api/v2/jobs. */
  readonly maxPromptBytes: number;
  /** Of an upload. */
  readonly maxUploadBytes: number;
  readonly streams?: Partial<StreamLimits>;
}

export interface StreamLimits {
  /** Event streams at once; the next one is refused with 429. */
  readonly maxStreams: number;
  /** Progress and previews follow each other no faster. */
  readonly paceMs: number;
  /** A comment is sent so often, for proxies and clients that end silent connections. */
  readonly heartbeatMs: number;
  /** A listener that has so much still to read is dropped. */
  readonly maxUnreadBytes: number;
}
