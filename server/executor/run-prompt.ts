// One prompt from execution_start to its end: takes ready nodes, parks those that wait, stops at the first failure.
import type { ExecutionEvent, UiOutput } from '../../schemas/events.ts';
import type { Job, JobOutcome } from '../job.ts';
import type { Registry } from '../packs/registry.ts';
import { DependencyCycleError, describeFailure } from './failure.ts';
import { createGraph } from './graph.ts';
import { hiddenValues } from './hidden.ts';
import { createReporter } from './reporter.ts';
import type { ResultCache } from './result-cache.ts';
import { createResultStore } from './result-store.ts';
import { createSchedule, type Schedule } from './schedule.ts';
import { createSignatures } from './signature.ts';
import { NodeFailure, type NodeServices, visitNode } from './visit-node.ts';

/** Nodes that may be under way at once: while one waits for a download, others go on; each may hold pictures. */
const MAX_RUNNING_NODES = 4;

export interface PromptRun {
  readonly job: Job;
  readonly registry: Registry;
  readonly cache: ResultCache;
  readonly services: NodeServices;
  readonly emit: (event: ExecutionEvent) => void;
  readonly signal: AbortSignal;
}

/** Runs a prompt. Never rejects because of a node: that is the outcome's `error`. */
export async function runPrompt({ job, registry, cache, services, emit, signal }: PromptRun): Promise<JobOutcome> {
  const graph = createGraph(job.prompt);
  const reporter = createReporter(job.promptId, emit);
  const stop = new AbortController();
  const anySignal = AbortSignal.any([signal, stop.signal]);
  const hidden = hiddenValues(job, graph, registry);
  const signatures = createSignatures({ graph, registry, files: services.files, hidden });
  const roots = job.outputsToExecute;
  let schedule: Schedule | undefined;
  const store = createResultStore(graph, (id) => schedule?.has(id) ?? false);
  schedule = createSchedule({ graph, registry, hasResult: (id) => store.get(id) !== undefined });
  const executed = new Set<string>();
  const withOutputs = new Set<string>();
  const expanded = new Set<string>();
  /** What cached nodes show beside the outputs (PEZ Invert's search): announced anew before the end. */
  const toShow = new Map<string, UiOutput>();

  const definitionOf = (id: string) => registry.get(graph.need(id).classType)?.definition;

  reporter.message('execution_start', { timestamp: Date.now() });
  await findCached();

  async function findCached(): Promise<void> {
    const keys = new Map<string, string>();
    for (const id of graph.ids()) {
      const key = await signatures.keyOf(id);
      if (key !== undefined) keys.set(id, key);
    }
    cache.begin(new Set(keys.values()), new Set([...graph.ids()].map((id) => ownerOf(id))));
    store.expect(roots);
    const cached = await fetchCached([...keys.keys()]);
    reporter.message('execution_cached', { nodes: cached, timestamp: Date.now() });
    for (const id of roots) schedule!.add(id);
    for (const id of cached) {
      const { ui } = store.get(id)!;
      if (ui && definitionOf(id)?.hasIntermediateOutput && !schedule!.has(id)) toShow.set(id, ui);
    }
    for (const id of cached) if (!schedule!.has(id)) store.release(id);
  }

  /** Puts what the cache knows of these nodes into the store, and says of which. */
  async function fetchCached(ids: readonly string[]): Promise<string[]> {
    const found: string[] = [];
    for (const id of ids) {
      const key = await signatures.keyOf(id);
      const result = key === undefined ? undefined : cache.get(key);
      if (!result) continue;
      found.push(id);
      withOutputs.add(id);
      store.set(id, result);
    }
    return found;
  }

  /** What a cached result of an expansion belongs to: the user's node, by id and class. */
  function ownerOf(id: string): string {
    const { real } = graph.need(id);
    return `${graph.need(real).classType} ${real}`;
  }

  const visit = visitNode({
    job,
    graph,
    registry,
    schedule,
    store,
    cache: {
      fetch: fetchCached,
      set: async (id, result) => {
        const key = await signatures.keyOf(id);
        if (key !== undefined) cache.set(key, result, graph.need(id).parent === undefined ? undefined : ownerOf(id));
      },
    },
    reporter,
    services,
    hidden,
    signal: anySignal,
    executed,
    onExpand: (id) => expanded.add(ownerOf(id)),
    onResult: (id) => withOutputs.add(id),
  });

  /** Runs until all is done or one fails. */
  async function loop(): Promise<JobOutcome['status']> {
    const running = new Map<string, Promise<void>>();
    let status: JobOutcome['status'] = 'success';
    const fail = (thrown: NodeFailure) => {
      if (status !== 'success') return;
      status = report(thrown);
      stop.abort(new Error('Another node of the prompt failed.'));
    };
    while (schedule!.size > 0 && status === 'success') {
      const id = running.size < MAX_RUNNING_NODES ? schedule!.take() : undefined;
      if (id === undefined) {
        if (running.size === 0) fail(cycleFailure());
        else await Promise.race(running.values());
        continue;
      }
      const task = visit(id).then(
        () => void running.delete(id),
        (thrown) => {
          running.delete(id);
          fail(thrown as NodeFailure);
        },
      );
      running.set(id, task);
      // A node that does not wait for anything ends here, before the next one starts; and messages get their turn.
      await Promise.race([task, new Promise(setImmediate)]);
    }
    await Promise.all(running.values());
    return status;
  }

  function cycleFailure(): NodeFailure {
    const cycle = schedule!.cycle();
    const path = cycle.map((id) => `${id} (${graph.need(id).classType})`).join(' -> ');
    return new NodeFailure(cycle[0], new DependencyCycleError(`Dependency cycle detected: ${path}`), {});
  }

  function report({ nodeId, cause, inputs }: NodeFailure): 'error' | 'interrupted' {
    const node = graph.need(nodeId);
    const real = graph.need(node.real);
    const common = {
      node_id: node.real,
      node_type: real.classType,
      executed: [...executed],
      timestamp: Date.now(),
    };
    if (signal.aborted) {
      reporter.message('execution_interrupted', common);
      return 'interrupted';
    }
    reporter.setState(node, 'error');
    reporter.message('execution_error', {
      ...common,
      ...describeFailure(cause),
      current_inputs: inputs,
      current_outputs: [...withOutputs],
    });
    return 'error';
  }

  const status = await loop();
  if (status === 'success') {
    cache.settle(expanded);
    for (const [id, ui] of toShow) if (!reporter.outputs.has(id)) reporter.executed(graph.need(id), ui);
    reporter.message('execution_success', { timestamp: Date.now() });
  }
  return {
    status,
    outputs: Object.fromEntries(reporter.outputs),
    meta: Object.fromEntries(reporter.meta),
    messages: reporter.messages,
  };
}
