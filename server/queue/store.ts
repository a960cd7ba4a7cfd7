// What the queue asks of whatever keeps its jobs: accepted jobs, the history, and the numbers that prompts get.
import type { UiOutput } from '../../schemas/events.ts';
import type { JobDetail, JobStatus, JobSummary } from '../../schemas/jobs.ts';
import type { Job, JobOutcome } from '../job.ts';

/** A job to accept. */
export interface NewJob extends Job {
  readonly number: number;
  /** ms since 1970. */
  readonly createTime: number;
  readonly clientId?: string;
}

export interface TakenJob extends Job {
  readonly clientId: string | undefined;
  /** How often its worker has died, in earlier runs. */
  readonly workerDeaths: number;
}

export interface JobQuery {
  readonly statuses?: readonly JobStatus[];
  readonly workflowId?: string;
  readonly sortBy?: 'created_at' | 'execution_duration';
  readonly sortOrder?: 'asc' | 'desc';
  readonly limit?: number;
  readonly offset?: number;
  /** Only jobs that a list by time has after this one. */
  readonly after?: { readonly createTime: number; readonly promptId: string };
  /** Only jobs whose `extra_data.job_metadata` has these entries. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Where a job is now. `ahead`: of a pending one, how many run before it; otherwise 0. */
export interface JobPlace {
  readonly status: JobStatus;
  readonly ahead: number;
}

/** `maxItems` alone: the last ones; with an offset: from there, counted from the oldest. */
export interface HistoryWindow {
  readonly maxItems?: number;
  readonly offset?: number;
}

/**
 * A job is pending once it was put, in progress once it was taken, and in the history once it is finished:
 *
 *     put ──► pending ──take──► in progress ──finish──► history
 *                ▲                   │
 *                └──release, retry───┘
 *
 * All methods are synchronous and throw StoreError when the store cannot do it; then nothing has changed.
 */
export interface JobStore {
  /** The number of the next prompt without one; counts on even if the prompt is refused afterwards (protocol: Submitting a prompt). */
  nextNumber(): number;
  /** Is a job of this id pending, in progress or in the history? */
  has(promptId: string): boolean;
  pendingCount(): number;
  /** Pending and in progress. */
  remaining(): number;

  /** Accepts a job: once this returns, it will run. */
  put(job: NewJob): void;
  /** Id of the pending job whose turn it is: the smallest number, ties by prompt id (protocol: Submitting a prompt). */
  next(): string | undefined;
  /** Marks a pending job as running and returns it; one that can't be read becomes an error in the history instead. */
  take(promptId: string): TakenJob | undefined;
  /** Puts a running job back as if it had not been taken: it did not begin, or the server is being stopped in good order. */
  release(promptId: string): void;
  /** Puts a running job back because its worker died. */
  retry(promptId: string): void;
  /**
   * Moves a running job into the history; the oldest entries beyond the limit go. A result that can never be stored (too
   * long for the store or for a string, not JSON) becomes an error there.
   */
  finish(promptId: string, outcome: JobOutcome): void;

  /** Moves a pending job into the history, as one that was cancelled. Returns whether it was pending. */
  withdraw(promptId: string): boolean;
  /** Removes pending jobs; without ids, all of them. Returns how many there were. */
  deletePending(promptIds?: readonly string[]): number;
  /** Removes entries of the history; without ids, all of them. Returns how many there were. */
  deleteHistory(promptIds?: readonly string[]): number;

  /** GET /queue as pieces of JSON; read lazily, so each step may throw StoreError. */
  queuePieces(): IterableIterator<string>;
  /** GET /history, in the same way. */
  historyPieces(window?: HistoryWindow): IterableIterator<string>;
  /** What the newest entries of the history showed, newest first; what can't be read is left out. */
  recentOutputs(maxItems: number): Readonly<Record<string, UiOutput>>[];
  /** One entry as `{prompt_id: entry}`, or `{}`. */
  historyText(promptId: string): string;
  /** A page of jobs, and how many there are in all. */
  jobs(query?: JobQuery): { readonly jobs: JobSummary[]; readonly total: number };
  /** A job with all its details. */
  job(promptId: string): JobDetail | undefined;
  /** undefined: there is no such job, or no longer. */
  place(promptId: string): JobPlace | undefined;

  /** Releases the store: another process may open it. */
  close(): void;
}

/** The queue cannot be read or written now; nothing of what was asked was done. */
export class StoreError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
  }
}
