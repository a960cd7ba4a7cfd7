// One visit to a node whose inputs are there: found in the cache, asked for lazy inputs, run, expanded, or finished.
import type { NodeContext } from '../../nodes/node-context.ts';
import type { Job } from '../job.ts';
import type { Registry } from '../packs/registry.ts';
import { callNode, neededLazyInputs } from './call-node.ts';
import { describeInputs } from './failure.ts';
import type { DynamicGraph, GraphNode } from './graph.ts';
import { type GatheredInputs, gatherInputs } from './inputs.ts';
import { type CallResult, linksOf, mergeOutputs, mergeUi } from './node-results.ts';
import type { Reporter } from './reporter.ts';
import type { NodeOutputs } from './result-cache.ts';
import type { ResultStore } from './result-store.ts';
import type { Schedule } from './schedule.ts';

/** What nodes may ask for beside the executor's own: data folders, models. */
export type NodeServices = Pick<NodeContext, 'files' | 'models'>;

export interface VisitOptions {
  readonly job: Job;
  readonly graph: DynamicGraph;
  readonly registry: Registry;
  readonly schedule: Schedule;
  readonly store: ResultStore;
  readonly cache: {
    /** Puts what is known of these nodes into the store; says of which something is. */
    fetch(ids: readonly string[]): Promise<string[]>;
    set(id: string, result: NodeOutputs): Promise<void>;
  };
  readonly reporter: Reporter;
  readonly services: NodeServices;
  readonly hidden: (node: GraphNode) => Record<string, unknown>;
  readonly signal: AbortSignal;
  /** Nodes that ran to their end; added to. */
  readonly executed: Set<string>;
  readonly onExpand: (id: string) => void;
  readonly onResult: (id: string) => void;
}

/** What a node threw, and what it had been given. */
export class NodeFailure extends Error {
  readonly nodeId: string;
  readonly inputs: Record<string, unknown[]>;
  constructor(nodeId: string, cause: unknown, inputs: Record<string, unknown[]>) {
    super(`Node ${nodeId} failed.`, { cause });
    this.nodeId = nodeId;
    this.inputs = inputs;
  }
}

/**
 * Makes the function that visits a node that the schedule gave. Afterwards the node is finished, or back in the
 * schedule with more to wait for. Rejects with NodeFailure.
 */
export function visitNode(options: VisitOptions): (id: string) => Promise<void> {
  const { job, graph, registry, schedule, store, cache, reporter, services, hidden, signal, executed } = options;
  /** Results of nodes whose expansions still run. */
  const expanding = new Map<string, { readonly results: readonly CallResult[]; readonly ui: NodeOutputs['ui'] }>();
  /** Lazy inputs that a node asked for. */
  const asked = new Map<string, Set<string>>();
  const resultOf = (id: string) => store.get(id);

  function finish(node: GraphNode, result: NodeOutputs): void {
    options.onResult(node.id);
    store.set(node.id, result);
    reporter.setState(node, 'finished');
    schedule.finish(node.id);
    store.release(node.id);
  }

  /** A blocker's message reaches the user once; the prompt goes on (comfy-api.md 4.8). */
  function reportBlocked(node: GraphNode, message: string): void {
    reporter.aside('execution_error', {
      node_id: node.id,
      node_type: node.classType,
      executed: [...executed],
      exception_message: `Execution Blocked: ${message}`,
      exception_type: 'ExecutionBlocked',
      traceback: [],
      current_inputs: {},
      current_outputs: [],
    });
  }

  function requireLazy(node: GraphNode, names: readonly string[]): void {
    for (const name of names) {
      const source = node.inputs.get(name);
      if (source === undefined) throw new Error(`${node.classType} asks for its input ${name}, and there is none.`);
      if ('literal' in source) throw new Error(`${node.classType} asks for its input ${name}, which is a constant.`);
      asked.set(node.id, (asked.get(node.id) ?? new Set()).add(name));
      schedule.require(source.link[0], node.id);
    }
    schedule.putBack(node.id);
  }

  async function expand(node: GraphNode, results: readonly CallResult[], ui: NodeOutputs['ui']): Promise<void> {
    const added = results.flatMap((r) => (r.expand ? graph.expand(node.id, r.expand) : []));
    for (const id of added) checkExpanded(graph.need(id));
    const outputs = added.filter((id) => registry.get(graph.need(id).classType)?.definition.outputNode);
    const linked = linksOf(results).map(([from]) => from);
    for (const id of linked) graph.need(id);
    options.onExpand(node.id);
    expanding.set(node.id, { results, ui });
    store.expect([...outputs, ...linked]);
    for (const id of linked) store.hold(id, node.id);
    const cached = await cache.fetch(added);
    for (const id of outputs) schedule.add(id);
    for (const id of linked) schedule.require(id, node.id);
    for (const id of cached) if (!schedule.has(id)) store.release(id);
    schedule.putBack(node.id);
  }

  function checkExpanded({ id, classType, inputs }: GraphNode): void {
    if (!registry.has(classType)) throw new Error(`The expansion's node ${id} has the unknown class ${classType}.`);
    for (const [name, source] of inputs) {
      if (!('link' in source) || graph.get(source.link[0])) continue;
      throw new Error(`Input ${name} of the expansion's node ${id} links to node ${source.link[0]}; there is none.`);
    }
  }

  async function run(node: GraphNode, note: (inputs: GatheredInputs) => void): Promise<void> {
    const definition = registry.get(node.classType)!.definition;
    reporter.setState(node, 'running');
    const inputs = gatherInputs(node, definition, resultOf, asked.get(node.id));
    note(inputs);
    reporter.aside('executing', { node: node.id, display_node: node.display });
    signal.throwIfAborted();
    const channel = reporter.openChannel(node, signal);
    const { progress, preview, text } = channel;
    const context = { signal, nodeId: node.id, promptId: job.promptId, progress, preview, text, ...services };
    const call = { definition, inputs, hidden: hidden(node), context };
    let results: CallResult[];
    try {
      const lazy = neededLazyInputs(call);
      if (lazy.length > 0) return requireLazy(node, lazy);
      results = await callNode(call, (message) => reportBlocked(node, message));
    } finally {
      if (!signal.aborted) channel.close();
    }
    const ui = mergeUi(results);
    if (ui) reporter.executed(node, ui);
    if (results.some((r) => r.expand)) return expand(node, results, ui);
    await conclude(node, results, ui);
  }

  async function conclude(node: GraphNode, results: readonly CallResult[], ui: NodeOutputs['ui']): Promise<void> {
    const definition = registry.get(node.classType)!.definition;
    const result = { outputs: mergeOutputs(definition, results, resultOf), ui };
    executed.add(node.id);
    await cache.set(node.id, result);
    finish(node, result);
  }

  return async (id) => {
    const node = graph.need(id);
    let given: GatheredInputs | undefined;
    try {
      const expansion = expanding.get(id);
      if (expansion) {
        expanding.delete(id);
        await conclude(node, expansion.results, expansion.ui);
        return;
      }
      if (!store.get(id)) await cache.fetch([id]);
      const cached = store.get(id);
      if (cached) {
        reporter.executed(node, cached.ui);
        finish(node, cached);
        return;
      }
      await run(node, (inputs) => {
        given = inputs;
      });
    } catch (error) {
      const definition = registry.get(node.classType)?.definition ?? { inputs: {} };
      throw new NodeFailure(id, error, describeInputs(given?.lists, definition));
    }
  };
}
