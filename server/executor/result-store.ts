// The results of the running prompt, each kept for as long as a node may still ask for it.
import type { NodeDefinition } from '../../nodes/define-node.ts';
import type { Registry } from '../packs/registry.ts';
import type { DynamicGraph } from './graph.ts';
import type { MemoryLedger } from './memory-ledger.ts';
import type { NodeOutputs } from './result-cache.ts';
import type { Schedule } from './schedule.ts';

/** Gives the result of a node, if it is at hand. */
export type ResultLookup = Pick<ResultStore, 'get'>;

interface ResultStoreOptions {
  readonly graph: DynamicGraph;
  /** Where the results are kept; the schedule reads it, too. Only the store writes to it. */
  readonly results: Map<string, NodeOutputs>;
  /** Nodes in it are not released before they finish. */
  readonly schedule: Pick<Schedule, 'has'>;
  readonly registry: Registry;
  /** Nothing is dropped before the prompt ends. */
  readonly keepsResults: boolean;
  /** Counts the results. */
  readonly ledger: MemoryLedger;
}

/**
 * Whether a node may expand into a graph that links to other nodes: such a node has seen the graph or a link, or its own id,
 * from which it makes the new ones.
 */
function mayExpand({ hidden = {}, inputs, outputs }: NodeDefinition): boolean {
  const asksFor = Object.values(hidden);
  if (asksFor.includes('DYNPROMPT') || asksFor.includes('UNIQUE_ID')) return true;
  if (asksFor.includes('PROMPT') && Object.keys(outputs).length > 0) return true;
  return Object.values(inputs).some(({ options }) => options.rawLink);
}

/** Results by node id, and who still needs them. */
export class ResultStore {
  readonly #graph: DynamicGraph;
  readonly #results: Map<string, NodeOutputs>;
  readonly #schedule: Pick<Schedule, 'has'>;
  readonly #registry: Registry;
  readonly #keepsResults: boolean;
  readonly #ledger: MemoryLedger;
  /** Nodes that have not finished, and may name others when they expand. */
  readonly #mayExpand = new Set<string>();
  /** Nodes whose results no other is known to need. */
  readonly #spare = new Set<string>();
  readonly #consumers = new Map<string, Set<string>>();
  readonly #producers = new Map<string, Set<string>>();
  readonly #released = new Set<string>();
  readonly #everSet = new Set<string>();

  constructor({ graph, results, schedule, registry, keepsResults, ledger }: ResultStoreOptions) {
    this.#graph = graph;
    this.#registry = registry;
    this.#keepsResults = keepsResults;
    this.#ledger = ledger;
    this.#results = results;
    this.#schedule = schedule;
  }

  /** Nodes that have had a result, run or cached, in the order in which they got it; released ones included. */
  get everSet(): ReadonlySet<string> {
    return this.#everSet;
  }

  get(id: string): NodeOutputs | undefined {
    return this.#results.get(id);
  }

  set(id: string, result: NodeOutputs): void {
    this.#everSet.add(id);
    this.#ledger.hold(result.holding);
    this.drop(id);
    this.#results.set(id, result);
  }

  /** Nodes whose results no other is known to need; it may be asked while results are dropped. */
  spare(): Iterable<string> {
    return this.#spare;
  }

  /** Forgets a result. */
  drop(id: string): void {
    const result = this.#results.get(id);
    if (result && this.#results.delete(id)) this.#ledger.release(result.holding);
  }

  /** The prompt has ended. */
  clear(): void {
    for (const id of this.#results.keys()) this.drop(id);
  }

  /** These nodes may run: the results that they need, directly or through others, are kept for them. */
  track(ids: readonly string[]): void {
    const stack = [...ids];
    const seen = new Set<string>();
    while (stack.length > 0) {
      const id = stack.pop()!;
      const isTracked = this.#producers.has(id) && !this.#released.has(id);
      if (seen.has(id) || isTracked || this.#results.has(id)) continue;
      seen.add(id);
      this.#released.delete(id); // asked for again: it will run, or be found, once more
      this.#producers.set(id, new Set());
      this.#noteClass(id);
      for (const source of this.#graph.get(id)?.inputs.values() ?? []) {
        if (!('link' in source)) continue;
        this.addConsumer(source.link[0], id);
        stack.push(source.link[0]);
      }
    }
  }

  /** `consumer` needs the result of `producer`, even if no input says so (a link in an expansion's result). */
  addConsumer(producer: string, consumer: string): void {
    if (!this.#consumers.has(producer)) this.#consumers.set(producer, new Set());
    if (!this.#producers.has(consumer)) this.#producers.set(consumer, new Set());
    this.#consumers.get(producer)!.add(consumer);
    this.#spare.delete(producer);
    this.#producers.get(consumer)!.add(producer);
  }

  /**
   * A node has its result, or will never need one: results that only it asked for are dropped, unless an expansion may
   * still name them.
   */
  release(first: string): void {
    const stack = [first];
    while (stack.length > 0) {
      const id = stack.pop()!;
      if (this.#released.has(id)) continue;
      this.#released.add(id);
      this.#mayExpand.delete(id);
      if (!this.#consumers.get(id)?.size) this.#spare.add(id);
      for (const producer of this.#producers.get(id) ?? []) {
        const left = this.#consumers.get(producer)!;
        left.delete(id);
        if (left.size > 0) continue;
        this.#spare.add(producer);
        if (!this.#schedule.has(producer)) stack.push(producer);
      }
    }
    if (!this.#keepsResults && this.#mayExpand.size === 0) this.#dropSpare();
  }

  #dropSpare(): void {
    for (const id of this.#spare) this.drop(id);
    this.#spare.clear();
  }

  #noteClass(id: string): void {
    const definition = this.#registry.get(this.#graph.get(id)?.classType ?? '')?.definition;
    if (definition && mayExpand(definition)) this.#mayExpand.add(id);
  }
}
