// What happens to jobs, for those who listen to one of them; and what the running job has told so far.
import type { ExecutionEvent, PreviewMessage, UiOutput } from '../../schemas/events.ts';
import type { Job } from '../job.ts';
import { JobProgress, type ProgressSnapshot } from './job-progress.ts';
import { tidyOutputs } from './summary.ts';

/** Told by the dispatcher of everything that happens. Its methods return at once and never throw. */
export interface JobObserver {
  /** The job was taken; it may have been before, with a worker that died. */
  started(job: Pick<Job, 'promptId' | 'prompt'>): void;
  event(promptId: string, event: ExecutionEvent): void;
  /** Jobs have come, gone, begun or ended: what the store says of any job may be different now. */
  changed(): void;
}

/** The running job. */
export interface LiveJob {
  readonly promptId: string;
  /** ms since 1970, of `execution_start`. */
  readonly startTime: number | undefined;
  readonly progress: ProgressSnapshot;
  /** Node id → what it has shown. */
  readonly outputs: Readonly<Record<string, UiOutput>>;
  readonly preview: PreviewMessage['data'] | undefined;
}

export interface JobFeed extends JobObserver {
  /** What the job has told, if it was the last one that began. */
  live(promptId: string): LiveJob | undefined;
  /** Calls `listener` whenever something may be new of this job; it must return at once. Returns what ends that. */
  subscribe(promptId: string, listener: () => void): () => void;
  /** Listeners of all jobs. */
  readonly listeners: number;
}

export const createJobFeed = (): JobFeed => new LiveFeed();

interface Running {
  readonly promptId: string;
  readonly progress: JobProgress;
  startTime: number | undefined;
  outputs: Record<string, UiOutput>;
  preview: PreviewMessage['data'] | undefined;
}

class LiveFeed implements JobFeed {
  readonly #listeners = new Map<string, Set<() => void>>();
  #running: Running | undefined;

  get listeners(): number {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  started({ promptId, prompt }: Pick<Job, 'promptId' | 'prompt'>): void {
    const progress = new JobProgress(prompt);
    this.#running = { promptId, progress, startTime: undefined, outputs: {}, preview: undefined };
  }

  event(promptId: string, event: ExecutionEvent): void {
    const running = this.#running;
    if (running?.promptId !== promptId) return;
    const progressed = running.progress.take(event);
    const { type, data } = event;
    if (type === 'execution_start') running.startTime = data.timestamp;
    else if (type === 'preview') running.preview = data;
    else if (type === 'executed' && data.output)
      Object.assign(running.outputs, tidyOutputs({ [data.node]: data.output }));
    else if (!progressed) return;
    this.#tell(promptId);
  }

  changed(): void {
    for (const promptId of [...this.#listeners.keys()]) this.#tell(promptId);
  }

  live(promptId: string): LiveJob | undefined {
    if (this.#running?.promptId !== promptId) return undefined;
    const { progress, ...told } = this.#running;
    return { ...told, progress: progress.snapshot() };
  }

  subscribe(promptId: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(promptId) ?? new Set();
    this.#listeners.set(promptId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(promptId) === listeners) this.#listeners.delete(promptId);
    };
  }

  #tell(promptId: string): void {
    for (const listener of [...(this.#listeners.get(promptId) ?? [])]) listener();
  }
}
