// Which node runs next: demand-driven from the roots, ancestors first, lazy inputs only once they are asked for.
import type { Registry } from '../packs/registry.ts';
import type { DynamicGraph } from './graph.ts';

interface Waiting {
  readonly order: number;
  /** Nodes whose results it still waits for. */
  readonly waitsFor: Set<string>;
  /** Nodes that wait for it. */
  readonly blocks: Set<string>;
}

export interface Schedule {
  readonly size: number;
  /** Adds a node, and through its inputs that are not lazy whatever has no result yet. */
  add(id: string): void;
  /** `to` cannot go on before `from` has a result. */
  require(from: string, to: string): void;
  /** Takes the node that is to run next; undefined where all that are left wait or run. It stays until `finish`. */
  take(): string | undefined;
  /** A node that was taken goes back: it wants to be visited again once what it requires is there. */
  putBack(id: string): void;
  /** A node has its result. */
  finish(id: string): void;
  has(id: string): boolean;
  /** Nodes that wait for each other, in order. */
  cycle(): string[];
}

const isAsync = (run: unknown): boolean => Object.prototype.toString.call(run) === '[object AsyncFunction]';

/** A schedule over a graph that may grow; `hasResult` says which nodes need not run. */
export function createSchedule(options: {
  readonly graph: DynamicGraph;
  readonly registry: Registry;
  readonly hasResult: (id: string) => boolean;
}): Schedule {
  const { graph, registry, hasResult } = options;
  const waiting = new Map<string, Waiting>();
  const ready = new Set<string>();
  const taken = new Set<string>();
  let count = 0;
  const definitionOf = (id: string) => registry.get(graph.need(id).classType)?.definition;
  const isOutput = (id: string) => definitionOf(id)?.outputNode === true;

  /** 0: shows something, or waits for something outside; 1, 2: so many steps before a node that shows; 3: the rest. */
  function rank(id: string): number {
    if (isOutput(id) || isAsync(definitionOf(id)?.run)) return 0;
    const next = [...waiting.get(id)!.blocks];
    if (next.some(isOutput)) return 1;
    return next.some((n) => [...(waiting.get(n)?.blocks ?? [])].some(isOutput)) ? 2 : 3;
  }

  function connect(from: string, to: string): void {
    waiting.get(from)!.blocks.add(to);
    waiting.get(to)!.waitsFor.add(from);
    ready.delete(to);
  }

  /** Nodes that `id` takes its inputs from, lazy ones left out. */
  function producers(id: string): string[] {
    const inputs = definitionOf(id)?.inputs ?? {};
    return [...graph.need(id).inputs].flatMap(([name, source]) =>
      'link' in source && Object.hasOwn(inputs, name) && !inputs[name].options.lazy ? [source.link[0]] : [],
    );
  }

  function enter(id: string): void {
    graph.need(id);
    waiting.set(id, { order: count++, waitsFor: new Set(), blocks: new Set() });
    ready.add(id);
  }

  function add(first: string): void {
    if (waiting.has(first)) return;
    enter(first);
    if (hasResult(first)) return; // it only has to be announced
    const stack = [first];
    while (stack.length > 0) {
      const id = stack.pop()!;
      for (const from of producers(id)) {
        if (hasResult(from)) continue;
        if (!waiting.has(from)) {
          enter(from);
          stack.push(from);
        }
        connect(from, id);
      }
    }
  }

  return {
    get size() {
      return waiting.size;
    },
    add,
    require(from, to) {
      if (hasResult(from)) return;
      add(from);
      connect(from, to);
    },
    take() {
      let best: string | undefined;
      let bestRank = 4;
      for (const id of ready) {
        const r = rank(id);
        const earlier = best === undefined || waiting.get(id)!.order < waiting.get(best)!.order;
        if (r < bestRank || (r === bestRank && earlier)) [best, bestRank] = [id, r];
      }
      if (best === undefined) return undefined;
      ready.delete(best);
      taken.add(best);
      return best;
    },
    putBack(id) {
      taken.delete(id);
      if (waiting.get(id)!.waitsFor.size === 0) ready.add(id);
    },
    finish(id) {
      const node = waiting.get(id);
      waiting.delete(id);
      ready.delete(id);
      taken.delete(id);
      for (const next of node?.blocks ?? []) {
        const { waitsFor } = waiting.get(next)!;
        waitsFor.delete(id);
        if (waitsFor.size === 0 && !taken.has(next)) ready.add(next);
      }
    },
    has: (id) => waiting.has(id),
    cycle() {
      const path: string[] = [];
      let id: string | undefined = waiting.keys().next().value;
      while (id !== undefined && !path.includes(id)) {
        path.push(id);
        id = waiting.get(id)!.waitsFor.values().next().value;
      }
      return id === undefined ? path : [...path.slice(path.indexOf(id)), id];
    },
  };
}
