// One visit to a node whose inputs are ready: it is found in the cache, asked for lazy inputs, run, expanded or finished.
import type { NodeDefinition } from '../../nodes/define-node.ts';
import { linkedChoices } from './arrived-choices.ts';
import { callNode, type NodeCall, neededLazyInputs } from './call-node.ts';
import { EqualNodes } from './equal-nodes.ts';
import { expandNode } from './expand-node.ts';
import { describeInputs, NodeFailure } from './failure.ts';
import type { GraphNode } from './graph.ts';
import { holdingOf } from './holding.ts';
import { gatherInputs, type InputLists } from './inputs.ts';
import type { NodeChannel } from './node-channel.ts';
import { type CallResult, type CallResults, mergeOutputs, mergeUi } from './node-results.ts';
import type { PromptState } from './prompt-state.ts';
import type { NodeOutputs } from './result-cache.ts';

/** Visits the nodes of one prompt, some of them more than once. */
export class NodeVisitor {
  readonly #prompt: PromptState;
  /** Nodes whose expansions still run, and what their calls returned. */
  readonly #expanding = new Map<string, CallResults>();
  /** Lazy inputs that a node asked for. */
  readonly #asked = new Map<string, Set<string>>();
  readonly #equal: EqualNodes;

  constructor(prompt: PromptState) {
    this.#prompt = prompt;
    this.#equal = new EqualNodes(prompt.schedule);
  }

  /** Afterwards the node is finished, or back in the schedule with more to wait for. Rejects with NodeFailure. */
  async visit(id: string): Promise<void> {
    const { graph, registry, store, reporter, cache } = this.#prompt;
    const node = graph.need(id);
    let inputs: InputLists | undefined;
    try {
      const expanded = this.#expanding.get(id);
      if (expanded) {
        this.#expanding.delete(id);
        return await this.#conclude(node, expanded);
      }
      const key = await cache.keyOf(id);
      const known = store.get(id) ?? (key === undefined ? undefined : cache.find(key));
      if (known) {
        reporter.executed(node, known.ui);
        return await this.#finish(node, known);
      }
      if (key !== undefined && this.#equal.waitFor(key, id)) return;
      const definition = this.#definitionOf(node);
      reporter.setState(node, 'running');
      inputs = gatherInputs({ node, definition, results: store, asked: this.#asked.get(id) });
      await this.#run(node, inputs);
      this.#equal.leave(id);
    } catch (error) {
      const definition = registry.get(node.classType)?.definition ?? { inputs: {} };
      throw new NodeFailure(id, error, describeInputs(inputs, definition));
    }
  }

  async #run(node: GraphNode, inputs: InputLists): Promise<void> {
    const { reporter, signal } = this.#prompt;
    reporter.send('executing', { node: node.id, display_node: node.display });
    signal.throwIfAborted();
    const channel = reporter.openChannel(node, signal);
    const call = this.#callOf(node, inputs, channel);
    let results: CallResult[];
    try {
      const lazy = await neededLazyInputs(call);
      if (lazy.length > 0) return this.#requireLazy(node, lazy);
      results = await callNode(call, (message) => this.#reportBlocked(node, message));
    } finally {
      if (!signal.aborted) channel.close();
    }
    const ui = mergeUi(results);
    if (ui) reporter.executed(node, ui);
    if (!results.some((result) => result.expand)) return this.#conclude(node, { results, ui });
    this.#expanding.set(node.id, { results, ui });
    await expandNode(this.#prompt, node, results);
  }

  #callOf(node: GraphNode, inputs: InputLists, { progress, preview, text }: NodeChannel): NodeCall {
    const { job, services, sources, hidden, signal, memory, admission } = this.#prompt;
    const definition = this.#definitionOf(node);
    return {
      memory,
      admission,
      definition,
      inputs,
      linkedChoices: linkedChoices(node, definition),
      sources,
      hidden: hidden(node),
      context: { signal, nodeId: node.id, promptId: job.promptId, progress, preview, text, ...services },
    };
  }

  #requireLazy(node: GraphNode, names: readonly string[]): void {
    const { schedule } = this.#prompt;
    for (const name of names) {
      const source = node.inputs.get(name);
      if (source === undefined) throw new Error(`${node.classType} asks for its input ${name}, which does not exist.`);
      if ('literal' in source) throw new Error(`${node.classType} asks for its input ${name}, which is a constant.`);
      this.#asked.set(node.id, (this.#asked.get(node.id) ?? new Set()).add(name));
      schedule.require(source.link[0], node.id);
    }
    schedule.putBack(node.id);
  }

  /** A blocker's message reaches the user once; the prompt goes on (protocol: Blockers). */
  #reportBlocked(node: GraphNode, message: string): void {
    const { reporter, executed } = this.#prompt;
    reporter.send('execution_error', {
      node_id: node.id,
      node_type: node.classType,
      executed: [...executed],
      exception_message: `Execution Blocked: ${message}`,
      exception_type: 'ExecutionBlocked',
      traceback: [],
      current_inputs: [],
      current_outputs: [],
    });
  }

  /** All calls, and all that they expanded to, have run: merges and caches the outputs and finishes the node. */
  async #conclude(node: GraphNode, { results, ui }: CallResults): Promise<void> {
    const { store, cache, executed } = this.#prompt;
    const definition = this.#definitionOf(node);
    const outputs = mergeOutputs(definition, results, store);
    const result = { outputs, ui, holding: holdingOf(outputs, definition) };
    executed.add(node.id);
    await cache.set(node.id, result);
    await this.#finish(node, result);
  }

  async #finish(node: GraphNode, result: NodeOutputs): Promise<void> {
    const { store, schedule, reporter, cache, memory } = this.#prompt;
    await cache.finish(node.id);
    store.set(node.id, result);
    memory.settle(node.id);
    reporter.setState(node, 'finished');
    schedule.finish(node.id);
    store.release(node.id);
  }

  #definitionOf({ classType }: GraphNode): NodeDefinition {
    const registered = this.#prompt.registry.get(classType);
    if (!registered) throw new Error(`There is no node class ${classType}: its pack may have been removed.`);
    return registered.definition;
  }
}
