// Which node runs next: driven by what the roots need, ancestors first, lazy inputs only once they are asked for.
import type { NodeDefinition } from '../../nodes/define-node.ts';
import { inputNamed } from '../packs/inputs-of.ts';
import type { Registry } from '../packs/registry.ts';
import type { DynamicGraph } from './graph.ts';

interface ScheduleOptions {
  readonly graph: DynamicGraph;
  readonly registry: Registry;
  /** Nodes with a result need not run. */
  readonly results: Pick<ReadonlyMap<string, unknown>, 'has'>;
}

interface Waiting {
  readonly order: number;
  /** Nodes whose results it still waits for. */
  readonly waitsFor: Set<string>;
  /** Nodes that wait for it. */
  readonly blocks: Set<string>;
}

const isAsync = (run: unknown): boolean => Object.prototype.toString.call(run) === '[object AsyncFunction]';

/** A schedule of a graph that may grow. */
export class Schedule {
  readonly #options: ScheduleOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #ready = new Set<string>();
  readonly #taken = new Set<string>();
  #count = 0;

  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  has(id: string): boolean {
    return this.#waiting.has(id);
  }

  /** Adds a node, and every node without a result that it needs through inputs that are not lazy. */
  add(first: string): void {
    if (this.#waiting.has(first)) return;
    const { results } = this.#options;
    this.#enter(first);
    if (results.has(first)) return; // it only has to be announced
    const stack = [first];
    while (stack.length > 0) {
      const id = stack.pop()!;
      for (const from of this.#producersOf(id)) {
        if (results.has(from)) continue;
        if (!this.#waiting.has(from)) {
          this.#enter(from);
          stack.push(from);
        }
        this.#connect(from, id);
      }
    }
  }

  /** `to` cannot go on before `from` has a result. */
  require(from: string, to: string): void {
    if (this.#options.results.has(from)) return;
    this.add(from);
    this.#connect(from, to);
  }

  /** Takes the node to run next; undefined if all that are left wait or run. It stays in the schedule until `finish`. */
  take(): string | undefined {
    const best = this.#bestReady();
    if (best === undefined) return undefined;
    this.#ready.delete(best);
    this.#taken.add(best);
    return best;
  }

  /** Returns a node that was taken: it is to be visited again once everything it requires is there. */
  putBack(id: string): void {
    this.#taken.delete(id);
    if (this.#waiting.get(id)!.waitsFor.size === 0) this.#ready.add(id);
  }

  /** Removes a node that has its result; nodes that waited only for it become ready. */
  finish(id: string): void {
    const node = this.#waiting.get(id);
    this.#waiting.delete(id);
    this.#ready.delete(id);
    this.#taken.delete(id);
    for (const next of node?.blocks ?? []) {
      const { waitsFor } = this.#waiting.get(next)!;
      waitsFor.delete(id);
      if (waitsFor.size === 0 && !this.#taken.has(next)) this.#ready.add(next);
    }
  }

  /** Nodes that wait for each other, in order. */
  cycle(): string[] {
    const path: string[] = [];
    let id: string | undefined = this.#waiting.keys().next().value;
    while (id !== undefined && !path.includes(id)) {
      path.push(id);
      id = this.#waiting.get(id)!.waitsFor.values().next().value;
    }
    return id === undefined ? path : [...path.slice(path.indexOf(id)), id];
  }

  /** The ready node of the lowest rank; of several, the one that was added first. */
  #bestReady(): string | undefined {
    let best: string | undefined;
    let bestRank = Number.POSITIVE_INFINITY;
    for (const id of this.#ready) {
      const rank = this.#rank(id);
      const isEarlier = best !== undefined && this.#waiting.get(id)!.order < this.#waiting.get(best)!.order;
      if (rank < bestRank || (rank === bestRank && isEarlier)) [best, bestRank] = [id, rank];
    }
    return best;
  }

  /** 0: an output node, or one that may wait for something outside; 1, 2: steps to an output node; 3: the rest. */
  #rank(id: string): number {
    const isOutput = (node: string) => this.#definitionOf(node)?.outputNode === true;
    if (isOutput(id) || isAsync(this.#definitionOf(id)?.run)) return 0;
    const next = [...this.#waiting.get(id)!.blocks];
    if (next.some(isOutput)) return 1;
    return next.some((n) => [...(this.#waiting.get(n)?.blocks ?? [])].some(isOutput)) ? 2 : 3;
  }

  #enter(id: string): void {
    this.#options.graph.need(id);
    this.#waiting.set(id, { order: this.#count++, waitsFor: new Set(), blocks: new Set() });
    this.#ready.add(id);
  }

  #connect(from: string, to: string): void {
    this.#waiting.get(from)!.blocks.add(to);
    this.#waiting.get(to)!.waitsFor.add(from);
    this.#ready.delete(to);
  }

  /** Nodes that `id` takes its inputs from, lazy ones excluded. */
  #producersOf(id: string): string[] {
    const definition = this.#definitionOf(id);
    return [...this.#options.graph.need(id).inputs].flatMap(([name, source]) => {
      const input = 'link' in source && definition ? inputNamed(definition, name) : undefined;
      return 'link' in source && input && !input.options.lazy ? [source.link[0]] : [];
    });
  }

  #definitionOf(id: string): NodeDefinition | undefined {
    const { graph, registry } = this.#options;
    return registry.get(graph.need(id).classType)?.definition;
  }
}
