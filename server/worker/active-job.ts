// The job that a worker has or waits for: its events to its listener, the patience after an interrupt, its outcome.
import type { ExecutionEvent } from '../../schemas/events.ts';
import type { Job, JobOutcome } from '../job.ts';
import { createJobRecord, type JobEnd, type JobFailure, type JobRecord } from './job-record.ts';

export interface ActiveJobOptions {
  readonly onEvent: (event: ExecutionEvent) => void;
  /** `onEvent` threw; the job goes on. */
  readonly onListenerError: (error: Error) => void;
  /** Its process is gone: whether the job is to be run again, instead of failing. */
  readonly mayRunAgain: (lost: LostRun) => boolean;
}

/** A run whose process ended before it. */
export interface LostRun {
  /** A process that was ready had been given the job. */
  readonly began: boolean;
  /** An output node had begun, or something was shown: another run might write it twice. */
  readonly mayHaveWritten: boolean;
  /** Why the process is gone. */
  readonly reason: string;
}

export class ActiveJob {
  readonly job: Job;
  readonly record: JobRecord;
  /** A process that was ready has been given it. */
  began = false;
  /** Settled by `end` or `lose`; undefined: it is to be run again; never rejects. */
  readonly outcome: Promise<JobOutcome | undefined>;
  readonly #options: ActiveJobOptions;
  #settle!: (outcome: JobOutcome | undefined) => void;
  #patience: NodeJS.Timeout | undefined;

  constructor(job: Job, options: ActiveJobOptions) {
    this.job = job;
    this.record = createJobRecord(job);
    this.#options = options;
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get promptId(): string {
    return this.job.promptId;
  }

  /** Somebody asked for it to end. */
  get interrupted(): boolean {
    return this.#patience !== undefined;
  }

  /** Notes and passes on what the worker tells of it. */
  observe(event: ExecutionEvent): void {
    this.record.observe(event);
    this.#emit(event);
  }

  /** Marks it as interrupted; `onIgnored` is called if it has not ended `graceMs` after the first interrupt. */
  interrupt(graceMs: number, onIgnored: () => void): void {
    this.#patience ??= setTimeout(onIgnored, graceMs);
  }

  /** It is being ended by other means: `onIgnored` will not be called. */
  stopWaiting(): void {
    clearTimeout(this.#patience);
  }

  /** Tells the last events and settles `outcome`. */
  end({ outcome, events }: JobEnd): void {
    this.stopWaiting();
    for (const event of events) this.#emit(event);
    this.#settle(outcome);
  }

  /** Its process is gone: ends the job with `failure`, or gives it back to be run again; then nobody is told. */
  lose(failure: JobFailure): void {
    this.stopWaiting();
    const { began } = this;
    const lost: LostRun = { began, mayHaveWritten: this.record.mayHaveWritten, reason: failure.message };
    if (this.#options.mayRunAgain(lost)) this.#settle(undefined);
    else this.end(this.record.fail(failure));
  }

  #emit(event: ExecutionEvent): void {
    try {
      this.#options.onEvent(event);
    } catch (error) {
      this.#options.onListenerError(error as Error);
    }
  }
}
