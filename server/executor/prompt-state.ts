// One prompt to run → everything that the parts of its run share.
import { setMaxListeners } from 'node:events';
import type { ChoiceSources, NodeContext } from '../../nodes/node-context.ts';
import type { ExecutionEvent } from '../../schemas/events.ts';
import type { Job } from '../job.ts';
import type { Registry } from '../packs/registry.ts';
import { Admission } from './admission.ts';
import { DynamicGraph, type GraphNode } from './graph.ts';
import { hiddenValues } from './hidden.ts';
import type { MemoryLedger } from './memory-ledger.ts';
import { PromptCache } from './prompt-cache.ts';
import { PromptMemory } from './prompt-memory.ts';
import type { Reporter } from './reporter.ts';
import type { NodeOutputs, ResultCache } from './result-cache.ts';
import { ResultStore } from './result-store.ts';
import { Schedule } from './schedule.ts';
import { Signatures } from './signature.ts';

/** What nodes may use besides what the executor itself provides: data folders and models. */
export type NodeServices = Pick<NodeContext, 'files' | 'models'>;

export interface PromptOptions {
  readonly job: Job;
  readonly registry: Registry;
  readonly cache: ResultCache;
  readonly ledger: MemoryLedger;
  readonly services: NodeServices;
  /** What combos offer. */
  readonly sources: ChoiceSources;
  readonly emit: (event: ExecutionEvent) => void;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  /** Aborts `signal` if the user has interrupted, without the event loop. */
  readonly lookForInterrupt?: () => void;
}

export interface PromptState {
  readonly job: Job;
  readonly registry: Registry;
  readonly services: NodeServices;
  readonly sources: ChoiceSources;
  readonly graph: DynamicGraph;
  readonly schedule: Schedule;
  readonly store: ResultStore;
  readonly cache: PromptCache;
  readonly memory: PromptMemory;
  /** Lets calls of nodes start. */
  readonly admission: Admission;
  readonly reporter: Reporter;
  /** Hidden inputs of a node. */
  readonly hidden: (node: GraphNode) => Record<string, unknown>;
  /** Nodes that ran to their end, in order. */
  readonly executed: Set<string>;
  /** Aborted when the user interrupts, and when a node fails: the others then stop, too. */
  readonly signal: AbortSignal;
  /** Stops the nodes that still run. */
  stop(reason: Error): void;
}

/** The state of a prompt before its first event. */
export function createPromptState(options: PromptOptions, reporter: Reporter): PromptState {
  const { job, registry, ledger, services, sources, signal } = options;
  const graph = new DynamicGraph(job.prompt);
  const results = new Map<string, NodeOutputs>();
  const schedule = new Schedule({ graph, registry, results });
  const hidden = hiddenValues(job, graph, registry);
  const signatures = new Signatures({ graph, registry, files: services.files, hidden });
  const stopping = new AbortController();
  const ending = AbortSignal.any([signal, stopping.signal]);
  setMaxListeners(0, ending); // each call that waits listens
  const { keepsResults } = options.cache;
  const store = new ResultStore({ graph, results, schedule, registry, keepsResults, ledger });
  const cache = new PromptCache({ graph, signatures, cache: options.cache, ledger });
  return {
    job,
    registry,
    services,
    sources,
    graph,
    schedule,
    store,
    cache,
    memory: new PromptMemory({ ledger, store, cache }),
    admission: new Admission(ledger),
    reporter,
    hidden,
    executed: new Set(),
    signal: ending,
    stop: (reason) => stopping.abort(reason),
  };
}

/** Puts the results that the cache has for these nodes into the store; gives the nodes that it has one for. */
export async function restoreCached({ cache, store }: PromptState, ids: readonly string[]): Promise<string[]> {
  const restored: string[] = [];
  for (const id of ids) {
    const result = await cache.get(id);
    if (!result) continue;
    restored.push(id);
    store.set(id, result);
  }
  return restored;
}

/** Of restored nodes, those that are not to be announced are done with. */
export async function settleRestored({ schedule, store, cache }: PromptState, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    if (schedule.has(id)) continue;
    store.release(id);
    await cache.finish(id);
  }
}
