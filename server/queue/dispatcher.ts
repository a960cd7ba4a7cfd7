// Takes jobs from the store one after the other, runs them and tells the clients, in the order of comfy-api.md 3.5.
import type { ExecutionEvent } from '../../schemas/events.ts';
import type { WorkerHost } from '../worker/host.ts';
import type { JobStore, NewJob, TakenJob } from './store.ts';

export interface DispatcherOptions {
  readonly store: JobStore;
  readonly worker: Pick<WorkerHost, 'run' | 'interrupt' | 'free'>;
  readonly hub: {
    emit(clientId: string | undefined, event: ExecutionEvent): void;
    status(queueRemaining: number): void;
  };
  readonly log?: { error(message: string): void };
  /** From the answer of POST /prompt to the job's start: clients begin to listen in between (3.5, rule 3). */
  readonly startDelayMs?: number;
  /** How long close() waits for the running job to heed its interrupt. */
  readonly closeWithinMs?: number;
  /** After a failed write of the store it is tried again; doubled each time, at most 30 s. */
  readonly retryMs?: number;
}

export interface FreeFlags {
  readonly unloadModels: boolean;
  readonly freeMemory: boolean;
}

export type Dispatcher = ReturnType<typeof createDispatcher>;

const START_DELAY_MS = 30;
/** A client may be long in taking its answer, or never do. */
const MAX_HOLD_MS = 1_000;
const CLOSE_WITHIN_MS = 5_000;
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

interface Running {
  readonly job: TakenJob;
  /** Display id of the node that runs. */
  node: string | undefined;
  /** A user asked for it; then it does not run again. */
  interrupted: boolean;
}

/** A dispatcher; `start()` sets it to work. */
export function createDispatcher(options: DispatcherOptions) {
  const { store, worker, hub, log, startDelayMs = START_DELAY_MS, retryMs = RETRY_MS } = options;
  /** Accepted, but the answer is still under way. */
  const held = new Set<string>();
  const timers = new Set<NodeJS.Timeout>();
  let running: Running | undefined;
  let toFree: FreeFlags | undefined;
  let closing = false;
  let abandoned = false;
  let started = false;
  let woken = false;
  let loop: Promise<void> | undefined;
  let endPause: (() => void) | undefined;

  const after = (ms: number, work: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, ms);
    timers.add(timer);
  };

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      endPause = resolve;
      after(ms, resolve);
    });

  /** Does what the store must do, however often it takes: a full disk stops the queue, it loses nothing. */
  async function persist<T>(work: () => T): Promise<T | undefined> {
    for (let wait = retryMs; !abandoned; wait = Math.min(2 * wait, MAX_RETRY_MS)) {
      try {
        return work();
      } catch (error) {
        log?.error(`The queue waits: ${(error as Error).message}`);
        if (closing) return undefined;
        await pause(wait);
      }
    }
    return undefined;
  }

  const tellStatus = (): void => {
    try {
      hub.status(store.remaining());
    } catch (error) {
      log?.error((error as Error).message);
    }
  };

  function wake(): void {
    woken = true;
    if (!started || closing || loop) return;
    loop = work().finally(() => {
      loop = undefined;
      if (woken) wake(); // woken between its last look and its end
    });
  }

  async function work(): Promise<void> {
    while (!closing) {
      if (toFree) {
        worker.free(toFree);
        toFree = undefined;
      }
      woken = false;
      const id = await persist(() => store.next());
      if (closing || id === undefined || held.has(id)) return; // its release wakes us
      const job = await persist(() => (store.next() === id ? store.take(id) : undefined));
      if (job) await runJob(job);
    }
  }

  async function runJob(job: TakenJob): Promise<void> {
    const { promptId, clientId } = job;
    const current: Running = { job, node: undefined, interrupted: false };
    running = current;
    tellStatus();
    const outcome = closing ? undefined : await worker.run(job, (event) => forward(event, current));
    if (abandoned) return;
    const again = closing && !current.interrupted && outcome?.status !== 'success';
    await persist(() => (again || !outcome ? store.release(promptId) : store.finish(promptId, outcome)));
    running = undefined;
    if (again) return;
    tellStatus();
    hub.emit(clientId, { type: 'executing', data: { node: null, prompt_id: promptId } });
  }

  function forward(event: ExecutionEvent, current: Running): void {
    if (event.type === 'executing') {
      if (event.data.node === null) return; // ours to say, once history is stored
      current.node = event.data.display_node ?? event.data.node;
    }
    hub.emit(current.job.clientId, event);
  }

  function interrupt(promptId?: string): boolean {
    if (!running || (promptId !== undefined && running.job.promptId !== promptId)) return false;
    running.interrupted = true;
    return worker.interrupt(running.job.promptId);
  }

  function remove(promptIds?: readonly string[]): number {
    const removed = store.deletePending(promptIds);
    if (removed > 0) {
      tellStatus();
      wake(); // one whose answer is under way may have stood in front of others
    }
    return removed;
  }

  /** The running job did not heed its interrupt: it waits again, unless a user wanted it to end. */
  function abandon({ job, interrupted }: Running): void {
    abandoned = true;
    try {
      if (interrupted) store.finish(job.promptId, { status: 'interrupted', outputs: {}, meta: {}, messages: [] });
      else store.release(job.promptId);
    } catch (error) {
      log?.error(`${(error as Error).message} The running prompt runs again after the next start.`);
    }
  }

  return {
    /** Begins to run what waits. */
    start(): void {
      started = true;
      wake();
    },
    /**
     * Stores a job and tells the new length. Gives the function that lets it start, to be called once the client has its
     * answer. Throws StoreError; then nothing was accepted.
     */
    accept(job: NewJob): () => void {
      store.put(job);
      held.add(job.promptId);
      tellStatus();
      const start = () => {
        if (held.delete(job.promptId)) wake();
      };
      after(MAX_HOLD_MS, start); // a client that does not take its answer holds up nobody
      return () => after(startDelayMs, start);
    },
    /** Interrupts what runs, or only that prompt. Says whether there was something. */
    interrupt,
    /** Takes pending prompts from the queue; without ids all. Says how many. */
    remove,
    /** Takes a prompt from the queue or interrupts it. Says whether it was there. */
    cancel: (promptId: string): boolean => remove([promptId]) > 0 || interrupt(promptId),
    /** Lets go of memory as soon as nothing runs (4.9). */
    free({ unloadModels, freeMemory }: FreeFlags): void {
      if (!unloadModels && !freeMemory) return;
      const flags = {
        unloadModels: unloadModels || (toFree?.unloadModels ?? false),
        freeMemory: freeMemory || (toFree?.freeMemory ?? false),
      };
      if (running) toFree = flags;
      else worker.free(flags);
    },
    /** Display id of the node that runs now, where the running prompt is this client's (3.1). */
    executingNode: (clientId: string): string | undefined =>
      running?.job.clientId === clientId ? running.node : undefined,
    /** Pending and running prompts. */
    queueRemaining: (): number => store.remaining(),
    /**
     * Stops: the running job is interrupted and waits again, to run whole after the next start. The store stays open.
     * Resolves when nothing of the dispatcher will touch the store any more.
     */
    async close(): Promise<void> {
      closing = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      endPause?.();
      if (!loop) return;
      if (running) worker.interrupt(running.job.promptId);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, options.closeWithinMs ?? CLOSE_WITHIN_MS);
      });
      await Promise.race([loop, late]);
      clearTimeout(timer);
      if (running) abandon(running);
    },
  };
}
