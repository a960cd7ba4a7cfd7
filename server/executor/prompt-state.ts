// One prompt to run → everything that the parts of its run share.
import type { ChoiceSources, NodeContext } from '../../nodes/node-context.ts';
import type { ExecutionEvent } from '../../schemas/events.ts';
import type { Job } from '../job.ts';
import type { Registry } from '../packs/registry.ts';
import { DynamicGraph, type GraphNode } from './graph.ts';
import { hiddenValues } from './hidden.ts';
import { PromptCache } from './prompt-cache.ts';
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
  readonly services: NodeServices;
  /** What combos offer. */
  readonly sources: ChoiceSources;
  readonly emit: (event: ExecutionEvent) => void;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
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
export function createPromptState(
  { job, registry, cache, services, sources, signal }: PromptOptions,
  reporter: Reporter,
): PromptState {
  const graph = new DynamicGraph(job.prompt);
  const results = new Map<string, NodeOutputs>();
  const schedule = new Schedule({ graph, registry, results });
  const hidden = hiddenValues(job, graph, registry);
  const signatures = new Signatures({ graph, registry, files: services.files, hidden });
  const stopping = new AbortController();
  return {
    job,
    registry,
    services,
    sources,
    graph,
    schedule,
    store: new ResultStore({ graph, results, schedule }),
    cache: new PromptCache({ graph, signatures, cache }),
    reporter,
    hidden,
    executed: new Set(),
    signal: AbortSignal.any([signal, stopping.signal]),
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
