// Runs prompts one after the other with ComfyUI's semantics (protocol: Which nodes run) and keeps results between them.

import type { ChoiceSources } from '../../nodes/node-context.ts';
import type { ExecutionEvent } from '../../schemas/events.ts';
import type { Job, JobOutcome } from '../job.ts';
import type { Registry } from '../packs/registry.ts';
import { MemoryLedger } from './memory-ledger.ts';
import type { NodeServices } from './prompt-state.ts';
import { type CacheMode, createResultCache } from './result-cache.ts';
import { runPrompt } from './run-prompt.ts';

interface ExecutorOptions {
  readonly registry: Registry;
  /** Which results outlive their prompt. */
  readonly cache: CacheMode;
  /** What nodes may use: data folders and models. */
  readonly services: NodeServices;
  /** Memory that results may take, those in the cache included; without it there is no limit. */
  readonly maxMemoryBytes?: number;
  /** What combos offer: values that reach them through links are checked against it. */
  readonly sources: ChoiceSources;
}

export interface RunOptions {
  /** Receives every event, in order (protocol: Order of events), from execution_start to the one that ends the prompt. */
  readonly emit: (event: ExecutionEvent) => void;
  /** When it is aborted, the prompt ends before its next node, or inside a node that watches its context's signal. */
  readonly signal: AbortSignal;
  /**
   * Looks for an interrupt without the event loop, and aborts `signal` if there is one: a node that blocks the loop hears
   * it at its next `progress`. Called every 50 ms at most.
   */
  readonly lookForInterrupt?: () => void;
}

export interface Executor {
  /**
   * Runs a validated prompt. What a node throws becomes the outcome's `execution_error`; the promise does not reject.
   * Prompts do not overlap: if one is running, the next waits for its end.
   */
  run(job: Job, options: RunOptions): Promise<JobOutcome>;
  /** Forgets every kept result (`freeMemory`). Results in use by a running prompt stay until it ends. */
  free(options: { readonly freeMemory: boolean }): void;
}

/** Creates an executor. It knows nothing of Express, sockets or processes. */
export function createExecutor({
  registry,
  cache: mode,
  services,
  sources,
  maxMemoryBytes = Number.POSITIVE_INFINITY,
}: ExecutorOptions): Executor {
  const ledger = new MemoryLedger(maxMemoryBytes);
  const cache = createResultCache(mode, ledger);
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(job, options) {
      const outcome = last.then(() => runPrompt({ job, registry, cache, ledger, services, sources, ...options }));
      last = outcome.catch(() => undefined);
      return outcome;
    },
    free({ freeMemory }) {
      if (freeMemory) cache.clear();
    },
  };
}
