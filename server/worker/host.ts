// Supervises the worker process: a crash ends its job with an error that names what happened, and the next job runs in a
// fresh process.
import type { ExecutionEvent } from '../../schemas/events.ts';
import type { Job, JobOutcome } from '../job.ts';
import { describeEnd } from './exit-message.ts';
import { createJobRecord, type JobEnd, type JobRecord } from './job-record.ts';
import { forkWorker, type WorkerProcess } from './process.ts';
import type { FromWorker, WorkerOptions } from './protocol.ts';

export interface WorkerHostOptions extends WorkerOptions {
  /** Lines that the worker and its nodes write. */
  readonly onLog?: (level: 'info' | 'warn' | 'error', message: string) => void;
  /** A node that does not heed an interrupt for so long is ended with its process; 30 s. */
  readonly interruptGraceMs?: number;
  /** How long a worker may take to load; 120 s. */
  readonly startTimeoutMs?: number;
  /** Arguments for the worker's node, e.g. `--max-old-space-size=4096`. */
  readonly nodeArgs?: readonly string[];
}

export interface WorkerHost {
  /**
   * Runs a job and tells its events. Never rejects: a crash, an out-of-memory kill or a worker that cannot start is an
   * outcome with execution_error, emitted too. Jobs do not overlap.
   */
  run(job: Job, onEvent: (event: ExecutionEvent) => void): Promise<JobOutcome>;
  /** Interrupts the running job, if it is that one. Says whether there was one. */
  interrupt(promptId?: string): boolean;
  /**
   * `freeMemory` forgets kept results. `unloadModels` replaces the process once it is idle, results included: memory of
   * released onnxruntime sessions does not come back otherwise.
   */
  free(flags: { readonly unloadModels: boolean; readonly freeMemory: boolean }): void;
  /** Ends the worker; a job that runs ends as interrupted. */
  stop(): Promise<void>;
  /** The worker's process id while there is one. */
  readonly pid: number | undefined;
}

const INTERRUPT_GRACE_MS = 30_000;
const START_TIMEOUT_MS = 120_000;
/** A worker that could not start is tried again after this, doubled each time, at most MAX_BACK_OFF_MS. */
const BACK_OFF_MS = 250;
const MAX_BACK_OFF_MS = 10_000;

interface Running {
  readonly job: Job;
  readonly record: JobRecord;
  readonly emit: (event: ExecutionEvent) => void;
  readonly settle: (outcome: JobOutcome) => void;
  interrupted: boolean;
  grace: NodeJS.Timeout | undefined;
}

/** Starts a worker at once, so that the first job need not wait for it. */
export function startWorkerHost(options: WorkerHostOptions): WorkerHost {
  const { onLog = () => undefined, interruptGraceMs = INTERRUPT_GRACE_MS, nodeArgs = [], ...rest } = options;
  const { startTimeoutMs = START_TIMEOUT_MS, ...worker } = rest;
  let child: WorkerProcess | undefined;
  let running: Running | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let failedStarts = 0;
  let replaceWhenIdle = false;
  let stopped = false;

  function start(): WorkerProcess {
    const started = forkWorker({
      worker,
      nodeArgs,
      startTimeoutMs,
      onMessage: (message) => child === started && receive(message),
      onLine: (line, stream) => onLog(stream === 'stderr' ? 'warn' : 'info', line),
    });
    child = started;
    let wasReady = false;
    void started.ready.then((ready) => {
      wasReady = ready;
      failedStarts = ready ? 0 : failedStarts + 1;
    });
    void started.ended.then((end) => {
      if (child === started) child = undefined;
      else return; // it was replaced
      const { type, message, traceback } = describeEnd(end, wasReady);
      if (!stopped) onLog('error', message);
      if (running) {
        if (running.interrupted || stopped) finish(running, running.record.interrupt());
        else finish(running, running.record.fail({ type, message, traceback }));
      }
      if (wasReady && !stopped && !child) start();
    });
    return started;
  }

  function receive(message: FromWorker): void {
    if (message.type === 'log') onLog(message.level, message.message);
    if (!running || !('promptId' in message) || message.promptId !== running.job.promptId) return;
    if (message.type === 'event') {
      running.record.observe(message.event);
      running.emit(message.event);
    } else finish(running, { outcome: message.outcome, events: [] });
  }

  function finish(which: Running, { outcome, events }: JobEnd): void {
    if (running !== which) return;
    clearTimeout(which.grace);
    running = undefined;
    for (const event of events) which.emit(event);
    which.settle(outcome);
    if (replaceWhenIdle) replace();
  }

  /** Ends the idle worker and starts another. */
  function replace(): void {
    replaceWhenIdle = false;
    const old = child;
    child = undefined;
    old?.kill();
    if (!stopped) start();
  }

  async function runNow(job: Job, onEvent: (event: ExecutionEvent) => void): Promise<JobOutcome> {
    const record = createJobRecord(job);
    const emit = (event: ExecutionEvent) => {
      try {
        onEvent(event);
      } catch (error) {
        onLog('error', `a listener of events failed: ${(error as Error).message}`);
      }
    };
    return new Promise<JobOutcome>((settle) => {
      const mine: Running = { job, record, emit, settle, interrupted: false, grace: undefined };
      running = mine;
      void startJob(mine);
    });
  }

  async function startJob(mine: Running): Promise<void> {
    if (!child && failedStarts > 0)
      await new Promise((wait) => setTimeout(wait, Math.min(BACK_OFF_MS * 2 ** (failedStarts - 1), MAX_BACK_OFF_MS)));
    if (running !== mine) return;
    if (stopped) return finish(mine, mine.record.interrupt());
    const target = child ?? start();
    if (!(await target.ready) || running !== mine) return; // `ended` tells
    if (!send(target, mine)) return;
    if (mine.interrupted) target.send({ type: 'interrupt', promptId: mine.job.promptId });
  }

  function send(target: WorkerProcess, mine: Running): boolean {
    try {
      return target.send({ type: 'run', job: mine.job });
    } catch (error) {
      // A prompt that can't be copied to another process; JSON always can.
      finish(mine, mine.record.fail({ type: 'Error', message: (error as Error).message }));
      return false;
    }
  }

  start();
  return {
    run(job, onEvent) {
      const outcome = last.then(() => runNow(job, onEvent));
      last = outcome;
      return outcome;
    },
    interrupt(promptId) {
      if (!running || (promptId && promptId !== running.job.promptId)) return false;
      running.interrupted = true;
      child?.send({ type: 'interrupt', promptId: running.job.promptId });
      const patient = running;
      patient.grace ??= setTimeout(() => {
        if (running !== patient) return;
        onLog('warn', `Prompt ${patient.job.promptId} did not heed its interrupt: its worker is ended.`);
        if (child) child.kill();
        else finish(patient, patient.record.interrupt());
      }, interruptGraceMs);
      return true;
    },
    free({ unloadModels, freeMemory }) {
      if (unloadModels) {
        if (running) replaceWhenIdle = true;
        else replace();
      } else if (freeMemory) child?.send({ type: 'free', freeMemory });
    },
    async stop() {
      stopped = true;
      const ending = child;
      if (running) clearTimeout(running.grace);
      ending?.kill();
      await ending?.ended;
      if (running) finish(running, running.record.interrupt());
    },
    get pid() {
      return child?.pid;
    },
  };
}
