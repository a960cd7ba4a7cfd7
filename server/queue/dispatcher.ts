// Takes jobs from the store one after the other, runs them and tells the clients, in order (protocol: Order of events).
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionEvent } from '../../schemas/events.ts';
import type { JobOutcome } from '../job.ts';
import { type Audience, audienceOf, type PreviewMethod } from '../preview-audience.ts';
import type { LostRun } from '../worker/active-job.ts';
import type { FreeFlags, WorkerHost } from '../worker/host.ts';
import type { JobObserver } from './job-feed.ts';
import { acceptedLine, endedLine } from './run-log.ts';
import type { JobStore, NewJob, TakenJob } from './store.ts';

export interface DispatcherOptions {
  readonly store: JobStore;
  readonly worker: Pick<WorkerHost, 'ready' | 'run' | 'interrupt' | 'free'>;
  readonly hub: {
    emit(clientId: string | undefined, event: ExecutionEvent, audience?: Audience): void;
    hears(clientId: string): boolean;
    status(queueRemaining: number): void;
  };
  readonly log?: { error(message: string): void; warn?(message: string): void; info?(message: string): void };
  /**
   * From the answer of POST /prompt to the job's start, for a client without a socket: it may open one in between
   * (protocol: Order of events, rule 3).
   */
  readonly startDelayMs?: number;
  /** How long close() waits for the running job to react to its interrupt. */
  readonly closeWithinMs?: number;
  /** After a failed write of the store it is tried again; doubled each time, at most 30 s. */
  readonly retryMs?: number;
  /** After a worker that could not start another is started; doubled each time, at most 5 s. */
  readonly workerRetryMs?: number;
  /** Who gets previews and text of prompts that do not say; none: clients that announced themselves. */
  readonly previewMethod?: PreviewMethod;
  /** Hears of every job, whoever queued it. */
  readonly observer?: JobObserver;
}

/** Jobs one after the other, from the store to the worker and back. */
export interface Dispatcher {
  /** Begins to run what waits. */
  start(): void;
  /**
   * Stores a job and announces the new length of the queue. Returns the function that lets it start, to be called once
   * the client has its answer. Throws StoreError; then nothing was accepted.
   */
  accept(job: NewJob): () => void;
  /** Interrupts whatever runs, or only that prompt. Returns whether there was something to interrupt. */
  interrupt(promptId?: string): boolean;
  /** Removes pending prompts from the queue; without ids, all of them. Returns how many. */
  remove(promptIds?: readonly string[]): number;
  /** Removes a prompt from the queue or interrupts it. Returns whether it was there. `keep`: a waiting one goes to the history. */
  cancel(promptId: string, options?: { readonly keep: boolean }): boolean;
  /** Whether a user has interrupted this prompt, and it still runs. */
  isInterrupted(promptId: string): boolean;
  /** Frees memory as soon as nothing runs (protocol: Interrupt and free). */
  free(flags: FreeFlags): void;
  /** Display id of the node that runs now, if the running prompt is this client's (protocol: Connecting). */
  executingNode(clientId: string): string | undefined;
  /** `execution_start` and the newest `progress_state` of the running prompt, if it is this client's and they were told. */
  begun(clientId: string): readonly ExecutionEvent[];
  /** Pending and running prompts. */
  queueRemaining(): number;
  /**
   * Stops: the running job is interrupted and waits again, to run whole after the next start. The store stays open.
   * Resolves when nothing of the dispatcher will touch the store any more.
   */
  close(): Promise<void>;
}

const START_DELAY_MS = 30;
/** A client may take its answer late, or never. */
const MAX_HOLD_MS = 1_000;
const CLOSE_WITHIN_MS = 5_000;
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;
const WORKER_RETRY_MS = 250;
const MAX_WORKER_RETRY_MS = 5_000;
/** A job that has written nothing is run again if its worker dies, so many times. */
const MAX_WORKER_RETRIES = 1;

interface Running {
  readonly job: TakenJob;
  readonly audience: ReturnType<typeof audienceOf>;
  /** When it was taken, on the clock of performance.now(). */
  readonly since: number;
  /** Display id of the node that runs. */
  node: string | undefined;
  /** Told again to a client that connects while it runs. */
  start: ExecutionEvent | undefined;
  progress: ExecutionEvent | undefined;
  /** A user asked for it; then it does not run again. */
  interrupted: boolean;
  /** Its worker is gone before its end, and it may run again: what happened. */
  lost: LostRun | undefined;
}

/** A dispatcher; `start()` sets it to work. */
export const createDispatcher = (options: DispatcherOptions): Dispatcher => new QueueDispatcher(options);

/**
 * | state   | what it means                                      | what ends it                            |
 * | ------- | -------------------------------------------------- | --------------------------------------- |
 * | created | jobs are accepted, none runs                       | start() → idle; close() → closed        |
 * | idle    | there is no job that may start                     | one may → working; close() → closed     |
 * | working | jobs run, or wait for a worker or a failing store  | none is left → idle; close() → closing  |
 * | closing | the running job is being ended, to be put back     | it has ended, or took too long → closed |
 * | closed  | only calls touch the store; accepted jobs are kept | nothing                                 |
 */
type DispatcherState = 'created' | 'idle' | 'working' | 'closing' | 'closed';

class QueueDispatcher implements Dispatcher {
  readonly #store: JobStore;
  readonly #worker: DispatcherOptions['worker'];
  readonly #hub: DispatcherOptions['hub'];
  readonly #log: DispatcherOptions['log'];
  readonly #startDelayMs: number;
  readonly #closeWithinMs: number;
  readonly #retryMs: number;
  readonly #workerRetryMs: number;
  readonly #previewMethod: PreviewMethod | undefined;
  readonly #observer: JobObserver | undefined;
  /** Accepted, but the answer is still under way. */
  readonly #held = new Set<string>();
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Ends the pauses between tries. */
  readonly #closing = new AbortController();
  #state: DispatcherState = 'created';
  #running: Running | undefined;
  /** A worker starts, which may take long; nothing runs meanwhile. */
  #waitsForWorker = false;
  #toFree: FreeFlags | undefined;
  /** Something may have changed since the queue was last looked at. */
  #lookAgain = false;
  #work: Promise<void> = Promise.resolve();

  constructor({
    store,
    worker,
    hub,
    log,
    startDelayMs = START_DELAY_MS,
    closeWithinMs = CLOSE_WITHIN_MS,
    retryMs = RETRY_MS,
    workerRetryMs = WORKER_RETRY_MS,
    previewMethod,
    observer,
  }: DispatcherOptions) {
    this.#store = store;
    this.#worker = worker;
    this.#hub = hub;
    this.#log = log;
    this.#startDelayMs = startDelayMs;
    this.#closeWithinMs = closeWithinMs;
    this.#retryMs = retryMs;
    this.#workerRetryMs = workerRetryMs;
    this.#previewMethod = previewMethod;
    this.#observer = observer;
  }

  start(): void {
    if (this.#state === 'created') this.#state = 'idle';
    this.#wake();
  }

  accept(job: NewJob): () => void {
    const ahead = this.#store.remaining();
    this.#store.put(job);
    this.#log?.info?.(acceptedLine(job, ahead));
    this.#held.add(job.promptId);
    this.#tellStatus();
    const letStart = () => {
      if (this.#held.delete(job.promptId)) this.#wake();
    };
    this.#after(MAX_HOLD_MS, letStart); // a client that does not take its answer holds up nobody
    return () => (this.#mayStillConnect(job.clientId) ? this.#after(this.#startDelayMs, letStart) : letStart());
  }

  interrupt(promptId?: string): boolean {
    const running = this.#running;
    if (!running || (promptId !== undefined && running.job.promptId !== promptId)) return false;
    running.interrupted = true;
    const isInterrupted = this.#worker.interrupt(running.job.promptId);
    this.#observer?.changed();
    return isInterrupted;
  }

  isInterrupted(promptId: string): boolean {
    return this.#running?.job.promptId === promptId && this.#running.interrupted;
  }

  remove(promptIds?: readonly string[]): number {
    const removed = this.#store.deletePending(promptIds);
    if (removed > 0) this.#noteRemoval();
    return removed;
  }

  cancel(promptId: string, { keep } = { keep: false }): boolean {
    return (keep ? this.#withdraw(promptId) : this.remove([promptId]) > 0) || this.interrupt(promptId);
  }

  #withdraw(promptId: string): boolean {
    const wasPending = this.#store.withdraw(promptId);
    if (wasPending) this.#noteRemoval();
    return wasPending;
  }

  #noteRemoval(): void {
    this.#tellStatus();
    this.#wake(); // one whose answer is under way may have stood in front of others
  }

  free({ unloadModels, freeMemory }: FreeFlags): void {
    if (!unloadModels && !freeMemory) return;
    const flags = {
      unloadModels: unloadModels || (this.#toFree?.unloadModels ?? false),
      freeMemory: freeMemory || (this.#toFree?.freeMemory ?? false),
    };
    if (this.#running) this.#toFree = flags;
    else this.#worker.free(flags);
  }

  executingNode(clientId: string): string | undefined {
    return this.#running?.job.clientId === clientId ? this.#running.node : undefined;
  }

  begun(clientId: string): readonly ExecutionEvent[] {
    const running = this.#running?.job.clientId === clientId ? this.#running : undefined;
    return [running?.start, running?.progress].filter((event) => event !== undefined);
  }

  queueRemaining(): number {
    return this.#store.remaining();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    const working = this.#is('working', 'closing');
    this.#state = working ? 'closing' : 'closed';
    this.#closing.abort();
    if (!working) return;
    if (this.#waitsForWorker) {
      this.#state = 'closed';
      return;
    }
    if (this.#running) this.#worker.interrupt(this.#running.job.promptId);
    const inTime = new AbortController();
    const late = sleep(this.#closeWithinMs, undefined, { signal: inTime.signal }).catch(() => undefined);
    await Promise.race([this.#work, late]);
    inTime.abort();
    if (this.#is('closed')) return; // by another call
    this.#state = 'closed';
    if (this.#running) this.#abandon(this.#running);
  }

  /** Asked anew each time: the state changes while others are awaited. */
  #is(...states: DispatcherState[]): boolean {
    return states.includes(this.#state);
  }

  /** Somebody may want to hear the job who does not listen yet. */
  #mayStillConnect(clientId: string | undefined): boolean {
    return clientId !== undefined && !this.#hub.hears(clientId);
  }

  #after(ms: number, work: () => void): void {
    if (this.#is('closing', 'closed')) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
  }

  #wake(): void {
    this.#lookAgain = true;
    if (this.#state !== 'idle') return; // who works looks again before it rests
    this.#state = 'working';
    this.#work = this.#runAll();
  }

  /** Runs what waits, until nothing does that may start. */
  async #runAll(): Promise<void> {
    while (this.#is('working')) {
      this.#freeMemory();
      this.#lookAgain = false;
      const id = await this.#persist(() => this.#store.next());
      if (id !== undefined && !this.#held.has(id)) await this.#takeAndRun(id);
      else if (this.#is('working') && !this.#lookAgain) this.#state = 'idle'; // the release of a held one wakes us
    }
  }

  #freeMemory(): void {
    if (this.#toFree) this.#worker.free(this.#toFree);
    this.#toFree = undefined;
  }

  /** A job is taken when a worker is ready for it: what has not begun waits, and no start that fails counts against it. */
  async #takeAndRun(promptId: string): Promise<void> {
    if (!(await this.#workerIsReady())) return;
    const store = this.#store;
    const job = await this.#persist(() => (store.next() === promptId ? store.take(promptId) : undefined));
    if (job) await this.#run(job);
  }

  /** Waits until a worker is ready, and says why it waits; false if the dispatcher is closed before. */
  async #workerIsReady(): Promise<boolean> {
    for (let waitMs = this.#workerRetryMs; this.#is('working'); waitMs = Math.min(2 * waitMs, MAX_WORKER_RETRY_MS)) {
      this.#waitsForWorker = true;
      const problem = await this.#worker.ready();
      this.#waitsForWorker = false;
      if (problem === undefined) return this.#is('working');
      this.#log?.error(`The queue waits: ${problem}`);
      await this.#pause(waitMs);
    }
    return false;
  }

  async #run(job: TakenJob): Promise<void> {
    const audience = audienceOf(job.extraData, this.#previewMethod);
    const told = { node: undefined, start: undefined, progress: undefined };
    const current: Running = { job, audience, since: performance.now(), ...told, interrupted: false, lost: undefined };
    this.#running = current;
    this.#observer?.started(job);
    this.#tellStatus();
    const outcome = this.#is('working') ? await this.#outcomeOf(current) : undefined;
    if (this.#is('closed')) return; // it was abandoned
    const stopped = this.#is('closing') && !current.interrupted && outcome?.status !== 'success';
    const result = stopped ? undefined : outcome;
    await this.#persist(() => (result ? this.#store.finish(job.promptId, result) : this.#putBack(current)));
    this.#running = undefined;
    if (!result) return;
    this.#logEnd(current, result);
    this.#tellStatus();
    this.#hub.emit(job.clientId, { type: 'executing', data: { node: null, prompt_id: job.promptId } });
  }

  /** How the job ended; undefined if its worker is gone and it may run again. */
  #outcomeOf(current: Running): Promise<JobOutcome | undefined> {
    const forward = (event: ExecutionEvent) => this.#forward(event, current);
    return this.#worker.run(current.job, forward, (lost) => {
      const { began, mayHaveWritten } = lost;
      const mayRunAgain = !began || (!mayHaveWritten && current.job.workerDeaths < MAX_WORKER_RETRIES);
      if (mayRunAgain) current.lost = lost;
      return mayRunAgain;
    });
  }

  #logEnd({ job, since }: Running, outcome: JobOutcome): void {
    const line = endedLine(job, outcome, performance.now() - since);
    if (outcome.status === 'error') this.#log?.warn?.(line);
    else this.#log?.info?.(line);
  }

  #putBack({ job: { promptId }, lost }: Running): void {
    if (lost?.began) {
      this.#store.retry(promptId);
      this.#log?.error(`Prompt ${promptId} had written nothing, so it runs once more. ${lost.reason}`);
    } else this.#store.release(promptId);
  }

  #forward(event: ExecutionEvent, current: Running): void {
    if (event.type === 'executing') {
      if (event.data.node === null) return; // ours to say, once history is stored
      current.node = event.data.display_node ?? event.data.node;
    }
    if (event.type === 'execution_start') current.start = event;
    if (event.type === 'progress_state') current.progress = event;
    const { job, audience } = current;
    this.#observer?.event(job.promptId, event);
    this.#hub.emit(
      job.clientId,
      event,
      event.type === 'preview' || event.type === 'text' ? audience[event.type] : 'everyone',
    );
  }

  /** Tries until the store has done it: a full disk stops the queue, but nothing is lost. */
  async #persist<T>(work: () => T): Promise<T | undefined> {
    for (let waitMs = this.#retryMs; !this.#is('closed'); waitMs = Math.min(2 * waitMs, MAX_RETRY_MS)) {
      try {
        return work();
      } catch (error) {
        this.#log?.error(`The queue waits: ${(error as Error).message}`);
        if (this.#is('closing')) return undefined;
        await this.#pause(waitMs);
      }
    }
    return undefined;
  }

  /** Until the next try; close() ends it. */
  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }

  /** The running job did not react to its interrupt: it waits again, unless a user wanted it to end. */
  #abandon({ job, interrupted }: Running): void {
    try {
      if (interrupted) this.#store.finish(job.promptId, { status: 'interrupted', outputs: {}, meta: {}, messages: [] });
      else this.#store.release(job.promptId);
    } catch (error) {
      this.#log?.error(`${(error as Error).message} The running prompt runs again after the next start.`);
    }
  }

  #tellStatus(): void {
    this.#observer?.changed();
    try {
      this.#hub.status(this.#store.remaining());
    } catch (error) {
      this.#log?.error((error as Error).message);
    }
  }
}
