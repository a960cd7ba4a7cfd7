// Runs prompts one after the other with ComfyUI's semantics (comfy-api.md section 4) and keeps results between them.
import type { ExecutionEvent } from '../../schemas/events.ts';
import type { Job, JobOutcome } from '../job.ts';
import type { Registry } from '../packs/registry.ts';
import type { NodeServices } from './prompt-state.ts';
import { type CacheMode, createResultCache } from './result-cache.ts';
import { runPrompt } from './run-prompt.ts';

export interface ExecutorOptions {
  readonly registry: Registry;
  /** Which results outlive their prompt. */
  readonly cache: CacheMode;
  /** What nodes may ask for: data folders and models. */
  readonly services: NodeServices;
}

export interface RunOptions {
  /** Receives every event, in the order of comfy-api.md 3.5 from execution_start to how the prompt ended. */
  readonly emit: (event: ExecutionEvent) => void;
  /** Aborted: the prompt ends before its next node, or inside a node that looks at its context's signal. */
  readonly signal: AbortSignal;
}

export interface Executor {
  /**
   * Runs a validated prompt. What a node throws is the outcome's `execution_error`; the promise does not reject for it.
   * Prompts do not overlap: one that comes while another runs waits for its end.
   */
  run(job: Job, options: RunOptions): Promise<JobOutcome>;
  /** Forgets every kept result (`freeMemory`). Results in use by a running prompt stay until it ends. */
  free(options: { readonly freeMemory: boolean }): void;
}

/** An executor. It knows neither Express nor sockets nor processes. */
export function createExecutor({ registry, cache: mode, services }: ExecutorOptions): Executor {
  const cache = createResultCache(mode);
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(job, { emit, signal }) {
      const outcome = last.then(() => runPrompt({ job, registry, cache, services, emit, signal }));
      last = outcome.catch(() => undefined);
      return outcome;
    },
    free({ freeMemory }) {
      if (freeMemory) cache.clear();
    },
  };
}
