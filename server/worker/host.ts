// Supervises the worker process: a crash ends its job with an error that names what happened, and the next job runs in a
// fresh process.
import type { ExecutionEvent } from '../../schemas/events.ts';
import type { Job, JobOutcome } from '../job.ts';
import { ActiveJob, type LostRun } from './active-job.ts';
import { describeEnd } from './exit-message.ts';
import type { JobEnd, JobFailure } from './job-record.ts';
import { forkWorker, type WorkerEnd, type WorkerProcess } from './process.ts';
import type { FromWorker, WorkerOptions } from './protocol.ts';

export interface WorkerHostOptions extends WorkerOptions {
  /** Lines that the worker and its nodes write. */
  readonly onLog?: (level: 'info' | 'warn' | 'error', message: string) => void;
  /** A node that has not reacted to an interrupt after this time is killed with its process; 30 s. */
  readonly interruptGraceMs?: number;
  /** How long a worker may take to load; 120 s. */
  readonly startTimeoutMs?: number;
  /** Arguments for the worker's node, e.g. `--max-old-space-size=4096`. */
  readonly nodeArgs?: readonly string[];
}

export interface FreeFlags {
  readonly unloadModels: boolean;
  readonly freeMemory: boolean;
}

/** Whatever runs the jobs of the queue, one at a time. */
export interface WorkerHost {
  /** Resolves when a process is ready for a job, with undefined; or says why none could start. The next call starts another. */
  ready(): Promise<string | undefined>;
  /**
   * Runs a job and tells its events. Never rejects: a crash, an out-of-memory kill or a worker that cannot start is an
   * outcome with execution_error, emitted too. Jobs do not overlap.
   */
  run(job: Job, onEvent: (event: ExecutionEvent) => void): Promise<JobOutcome>;
  /** The same; but of a job whose process is gone `mayRunAgain` decides: if so, nothing is emitted and the result is undefined. */
  run(
    job: Job,
    onEvent: (event: ExecutionEvent) => void,
    mayRunAgain: (lost: LostRun) => boolean,
  ): Promise<JobOutcome | undefined>;
  /** Interrupts the job that runs or waits for its process, if it has this id. Returns whether there was one. */
  interrupt(promptId?: string): boolean;
  /**
   * `freeMemory` forgets kept results. `unloadModels` replaces the process once it is idle, results included: memory of
   * released onnxruntime sessions does not come back otherwise.
   */
  free(flags: FreeFlags): void;
  /** Ends the worker; a job that runs ends as interrupted. */
  stop(): Promise<void>;
  /** The worker's process id while there is one. */
  readonly pid: number | undefined;
}

const INTERRUPT_GRACE_MS = 30_000;
const START_TIMEOUT_MS = 120_000;

/** Starts a worker at once, so that the first job need not wait for it. */
export const startWorkerHost = (options: WorkerHostOptions): WorkerHost => new ProcessHost(options);

/**
 * | state     | process         | job                         | what ends it                                              |
 * | --------- | --------------- | --------------------------- | --------------------------------------------------------- |
 * | starting  | loads           | may wait                    | the process is ready → idle; it ends → down               |
 * | idle      | ready           | none                        | a job → running; the process ends → starting              |
 * | running   | ready           | runs                        | the job ends → idle; the process ends → starting          |
 * | replacing | as above        | runs, waits                 | the job ends, with its process or without → starting anew |
 * | down      | could not start | none                        | a job, or ready() → starting                              |
 * | stopped   | none, or dying  | ends at once as interrupted | nothing                                                   |
 *
 * unloadModels leads to `replacing` if there is a job, else to `starting` with another process.
 */
type HostState = 'starting' | 'idle' | 'running' | 'replacing' | 'down' | 'stopped';

class ProcessHost implements WorkerHost {
  readonly #worker: WorkerOptions;
  readonly #onLog: NonNullable<WorkerHostOptions['onLog']>;
  readonly #interruptGraceMs: number;
  readonly #startTimeoutMs: number;
  readonly #nodeArgs: readonly string[];
  #state: HostState = 'starting';
  #process: WorkerProcess | undefined;
  /** The job that runs or waits for its process. */
  #job: ActiveJob | undefined;
  /** Settles when the last of the jobs has ended. */
  #last: Promise<unknown> = Promise.resolve();

  constructor({
    onLog = () => undefined,
    interruptGraceMs = INTERRUPT_GRACE_MS,
    startTimeoutMs = START_TIMEOUT_MS,
    nodeArgs = [],
    ...worker
  }: WorkerHostOptions) {
    this.#worker = worker;
    this.#onLog = onLog;
    this.#interruptGraceMs = interruptGraceMs;
    this.#startTimeoutMs = startTimeoutMs;
    this.#nodeArgs = nodeArgs;
    this.#fork();
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  async ready(): Promise<string | undefined> {
    while (!this.#is('stopped')) {
      const process = this.#process ?? this.#fork();
      if (await process.ready) return undefined;
      const end = await process.ended;
      if (!this.#process) return describeEnd(end, false).message; // otherwise another has taken its place
    }
    return 'The worker was stopped.';
  }

  run(job: Job, onEvent: (event: ExecutionEvent) => void): Promise<JobOutcome>;
  run(
    job: Job,
    onEvent: (event: ExecutionEvent) => void,
    mayRunAgain: (lost: LostRun) => boolean = () => false,
  ): Promise<JobOutcome | undefined> {
    const outcome = this.#last.then(() => this.#begin(job, onEvent, mayRunAgain));
    this.#last = outcome;
    return outcome;
  }

  interrupt(promptId?: string): boolean {
    const job = this.#job;
    if (!job || (promptId && promptId !== job.promptId)) return false;
    this.#process?.send({ type: 'interrupt', promptId: job.promptId });
    job.interrupt(this.#interruptGraceMs, () => this.#endDeaf(job));
    return true;
  }

  free({ unloadModels, freeMemory }: FreeFlags): void {
    if (this.#is('stopped')) return;
    if (!unloadModels) {
      if (freeMemory) this.#process?.send({ type: 'free', freeMemory });
    } else if (this.#job) this.#state = 'replacing';
    else this.#replace();
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#job?.stopWaiting();
    const process = this.#process;
    process?.kill('the server stops');
    await process?.ended;
    if (this.#job) this.#finish(this.#job, this.#job.record.interrupt());
  }

  /** Asked anew each time: the state changes while others are awaited or called. */
  #is(state: HostState): boolean {
    return this.#state === state;
  }

  /** Starts a process. A job that is to be the last of its process keeps the host `replacing`. */
  #fork(): WorkerProcess {
    if (!this.#is('replacing')) this.#state = 'starting';
    const process = forkWorker({
      worker: this.#worker,
      nodeArgs: this.#nodeArgs,
      startTimeoutMs: this.#startTimeoutMs,
      onMessage: (message) => process === this.#process && this.#receive(message),
      onLine: (line, stream) => this.#onLog(stream === 'stderr' ? 'warn' : 'info', line),
    });
    this.#process = process;
    void process.ready.then((ready) => ready && process === this.#process && this.#onReady());
    void process.ended.then((end) => process === this.#process && this.#onEnd(end, process.wasReady));
    return process;
  }

  #onReady(): void {
    if (this.#is('starting')) this.#state = 'idle';
  }

  #onEnd(end: WorkerEnd, wasReady: boolean): void {
    this.#process = undefined;
    const stopped = this.#is('stopped');
    if (!stopped && !this.#is('replacing')) this.#state = 'down';
    const failure = describeEnd(end, wasReady);
    const isKnown = stopped || (wasReady && end.endedBecause !== undefined);
    if (!isKnown) this.#onLog('error', failure.message);
    const job = this.#job;
    if (job) this.#finish(job, job.interrupted || stopped ? job.record.interrupt() : failure);
    if (wasReady && this.#is('down')) this.#fork();
  }

  #receive(message: FromWorker): void {
    if (message.type === 'log') this.#onLog(message.level, message.message);
    const job = this.#job;
    if (!job || !('promptId' in message) || message.promptId !== job.promptId) return;
    if (message.type === 'event') job.observe(message.event);
    else this.#finish(job, { outcome: message.outcome, events: [] });
  }

  #begin(
    job: Job,
    onEvent: (event: ExecutionEvent) => void,
    mayRunAgain: (lost: LostRun) => boolean,
  ): Promise<JobOutcome | undefined> {
    const active = new ActiveJob(job, {
      onEvent,
      mayRunAgain,
      onListenerError: ({ message }) => this.#onLog('error', `an event listener failed: ${message}`),
    });
    this.#job = active;
    void this.#handOver(active);
    return active.outcome;
  }

  /** Gives a job to the process, once there is one that is ready. */
  async #handOver(job: ActiveJob): Promise<void> {
    if (this.#is('stopped')) return this.#finish(job, job.record.interrupt());
    const process = this.#process ?? this.#fork();
    if (!(await process.ready) || this.#job !== job) return; // `ended` tells
    if (this.#is('idle')) this.#state = 'running';
    try {
      if (!process.send({ type: 'run', job: job.job })) return;
      job.began = true;
    } catch (error) {
      // A prompt that can't be copied to another process; JSON always can.
      return this.#finish(job, job.record.fail({ type: 'Error', message: (error as Error).message }));
    }
    if (job.interrupted) process.send({ type: 'interrupt', promptId: job.promptId });
  }

  /** The job did not react to its interrupt: its process is killed. */
  #endDeaf(job: ActiveJob): void {
    if (this.#job !== job) return;
    this.#onLog('warn', `Prompt ${job.promptId} did not react to its interrupt, so its worker is killed.`);
    if (this.#process) this.#process.kill('a node did not react to an interrupt');
    else this.#finish(job, job.record.interrupt());
  }

  /** `end`: how the job ended, or why its process is gone. */
  #finish(job: ActiveJob, end: JobEnd | JobFailure): void {
    if (this.#job !== job) return;
    this.#job = undefined;
    if ('outcome' in end)
      job.end(end); // its listener may call free or stop
    else job.lose(end);
    if (this.#is('replacing')) this.#replace();
    else if (this.#is('running')) this.#state = 'idle';
  }

  /** Ends the idle process and starts another. */
  #replace(): void {
    this.#state = 'starting';
    const old = this.#process;
    this.#process = undefined;
    old?.kill('its models were to be unloaded');
    this.#fork();
  }
}
