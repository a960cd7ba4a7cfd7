// Which node runs next: driven by what the roots need, ancestors first, lazy inputs only once they are asked for.
import type { NodeDefinition } from '../../nodes/define-node.ts';
import { inputNamed } from '../packs/inputs-of.ts';
import type { Registry } from '../packs/registry.ts';
import { isAsync } from './admission.ts';
import type { DynamicGraph } from './graph.ts';
import { ReadyQueue } from './ready-queue.ts';

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
  /** How many steps lead from it to the nearest output node that waits for it; FAR: more than two. */
  steps: number;
}

/** The number of steps from which on it makes no difference. */
const FAR = 3;

/** A schedule of a graph that may grow. */
export class Schedule {
  readonly #options: ScheduleOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #ready = new Set<string>();
  /** The ready nodes by rank, and entries of nodes that are ready no more. */
  readonly #queue = new ReadyQueue();
  /** The same for asynchronous nodes. */
  readonly #asyncQueue = new ReadyQueue();
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

  /** Whether a node is ready, of whatever kind. */
  get hasReady(): boolean {
    return this.#ready.size > 0;
  }

  /**
   * Takes the node to run next: the ready one of the lowest rank; of several, the one that was added first; without
   * `async` no asynchronous one. Undefined if all that are left wait or run. It stays in the schedule until `finish`.
   */
  take({ async = true } = {}): string | undefined {
    const first = this.#firstOf(this.#queue);
    const firstAsync = async ? this.#firstOf(this.#asyncQueue) : undefined;
    const isSooner = !first || (firstAsync && firstAsync.key < first.key);
    const id = (isSooner ? firstAsync : first)?.id;
    if (id === undefined) return undefined;
    this.#ready.delete(id);
    this.#taken.add(id);
    return id;
  }

  /** Returns a node that was taken: it is to be visited again once everything it requires is there. */
  putBack(id: string): void {
    this.#taken.delete(id);
    if (this.#waiting.get(id)!.waitsFor.size === 0) this.#makeReady(id);
  }

  /** `to` need not wait for `from` any longer. */
  release(from: string, to: string): void {
    this.#waiting.get(from)?.blocks.delete(to);
    const waitsFor = this.#waiting.get(to)?.waitsFor;
    if (waitsFor?.delete(from) && waitsFor.size === 0 && !this.#taken.has(to)) this.#makeReady(to);
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
      if (waitsFor.size === 0 && !this.#taken.has(next)) this.#makeReady(next);
    }
  }

  /** Nodes that wait for each other, in order. */
  cycle(): string[] {
    const path = new Set<string>();
    let id: string | undefined = this.#waiting.keys().next().value;
    while (id !== undefined && !path.has(id)) {
      path.add(id);
      id = this.#waiting.get(id)!.waitsFor.values().next().value;
    }
    const ids = [...path];
    return id === undefined ? ids : [...ids.slice(ids.indexOf(id)), id];
  }

  #enter(id: string): void {
    this.#options.graph.need(id);
    const steps = this.#definitionOf(id)?.outputNode ? 0 : FAR;
    this.#waiting.set(id, { order: this.#count++, waitsFor: new Set(), blocks: new Set(), steps });
    this.#makeReady(id);
  }

  #makeReady(id: string): void {
    this.#ready.add(id);
    const { order, steps } = this.#waiting.get(id)!;
    // An output node, or one that may wait for something outside, goes first.
    if (isAsync(this.#definitionOf(id)?.run)) this.#asyncQueue.push(id, { order, rank: 0 });
    else this.#queue.push(id, { order, rank: steps });
  }

  /** The first entry that still holds. */
  #firstOf(queue: ReadyQueue): ReturnType<ReadyQueue['first']> {
    for (;;) {
      const first = queue.first();
      if (first === undefined || this.#ready.has(first.id)) return first;
      queue.drop();
    }
  }

  /** An output node is nearer to `id` than was known: so it is to what `id` waits for. */
  #bringNearer(id: string, steps: number): void {
    const node = this.#waiting.get(id)!;
    if (steps >= node.steps) return;
    node.steps = steps;
    if (this.#ready.has(id)) this.#makeReady(id);
    for (const from of node.waitsFor) this.#bringNearer(from, steps + 1);
  }

  #connect(from: string, to: string): void {
    this.#waiting.get(from)!.blocks.add(to);
    this.#waiting.get(to)!.waitsFor.add(from);
    this.#ready.delete(to);
    this.#bringNearer(from, this.#waiting.get(to)!.steps + 1);
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
