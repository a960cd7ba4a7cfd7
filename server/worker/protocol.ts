// What the server process and the worker process say to each other (over the IPC channel of a child process). The worker's
// messages come in lists: outbox.ts.
import type { ExecutionEvent } from '../../schemas/events.ts';
import type { Job, JobOutcome } from '../job.ts';
import type { ModelPlaces } from '../model-places.ts';

export type ToWorker =
  | { readonly type: 'run'; readonly job: Job }
  /** Without a prompt id: whatever runs. */
  | { readonly type: 'interrupt'; readonly promptId?: string }
  /** Forget kept results. (Models are unloaded by a fresh process: host.ts.) */
  | { readonly type: 'free'; readonly freeMemory: boolean };

export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'event'; readonly promptId: string; readonly event: ExecutionEvent }
  | { readonly type: 'done'; readonly promptId: string; readonly outcome: JobOutcome }
  /** An uncaught exception: the worker ends after it. */
  | { readonly type: 'fatal'; readonly message: string; readonly stack: string }
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string };

/** A list of the worker's messages as it crosses: JSON text where that says the same, which is read twice as fast. */
export type Packed = string | readonly FromWorker[];

/** Previews are bytes, and packs may show bigints: such lists cross as they are. All else ends as JSON in any case. */
export function pack(messages: readonly FromWorker[]): Packed {
  if (messages.some((message) => message.type === 'event' && message.event.type === 'preview')) return messages;
  try {
    return JSON.stringify(messages);
  } catch {
    return messages;
  }
}

export const unpack = (packed: Packed): readonly FromWorker[] =>
  typeof packed === 'string' ? (JSON.parse(packed) as FromWorker[]) : packed;

/** What the worker is started with (one JSON argument). */
export interface WorkerOptions {
  readonly dataDir: string;
  readonly packDirs: readonly string[];
  /** `classic`, `none`, or the number of results that an LRU cache keeps. */
  readonly cache: 'classic' | 'none' | { readonly lru: number };
  readonly writeMetadata: boolean;
  /** Memory that results may take; half of the computer's. */
  readonly maxMemoryBytes?: number;
  /** Where models run (`cpu` and kin); cpu. */
  readonly device?: string;
  /** Where models lie, as the server has found it; by default in the data folder alone. */
  readonly places?: ModelPlaces;
  /** The models that the server was started with, and whether graphs may name others of the hub. */
  readonly clip?: string;
  readonly checkpoint?: string;
  readonly allowHub?: boolean;
}
