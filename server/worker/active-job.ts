// The job that a worker has or waits for: its events to its listener, the patience after an interrupt, its outcome.
import type { ExecutionEvent } from '../../schemas/events.ts';
import type { Job, JobOutcome } from '../job.ts';
import { createJobRecord, type JobEnd, type JobRecord } from './job-record.ts';

export interface ActiveJobOptions {
  readonly onEvent: (event: ExecutionEvent) => void;
  /** `onEvent` threw; the job goes on. */
  readonly onListenerError: (error: Error) => void;
}

export class ActiveJob {
  readonly job: Job;
  readonly record: JobRecord;
  /** Settled by `end`; never rejects. */
  readonly outcome: Promise<JobOutcome>;
  readonly #options: ActiveJobOptions;
  #settle!: (outcome: JobOutcome) => void;
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

  #emit(event: ExecutionEvent): void {
    try {
      this.#options.onEvent(event);
    } catch (error) {
      this.#options.onListenerError(error as Error);
    }
  }
}
