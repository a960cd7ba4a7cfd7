// The results of the prompt that runs, each kept for as long as a node may still ask for it.
import type { DynamicGraph } from './graph.ts';
import type { NodeOutputs } from './result-cache.ts';

export interface ResultStore {
  get(id: string): NodeOutputs | undefined;
  set(id: string, result: NodeOutputs): void;
  /** These nodes may run: they keep what their inputs name, and what that takes. */
  expect(ids: readonly string[]): void;
  /** `consumer` also waits for `producer`, whatever its inputs say (a link in an expansion's result). */
  hold(producer: string, consumer: string): void;
  /** A node has its result, or never needs one: what only it asked for is dropped. */
  release(id: string): void;
}

/** `mayRun`: nodes that are scheduled or run; these are not released before they finish. */
export function createResultStore(graph: DynamicGraph, mayRun: (id: string) => boolean): ResultStore {
  const results = new Map<string, NodeOutputs>();
  const consumers = new Map<string, Set<string>>();
  const producers = new Map<string, Set<string>>();
  const released = new Set<string>();

  function hold(producer: string, consumer: string): void {
    if (!consumers.has(producer)) consumers.set(producer, new Set());
    if (!producers.has(consumer)) producers.set(consumer, new Set());
    consumers.get(producer)!.add(consumer);
    producers.get(consumer)!.add(producer);
  }
  return {
    get: (id) => results.get(id),
    set: (id, result) => void results.set(id, result),
    hold,
    expect(ids) {
      const stack = [...ids];
      const seen = new Set<string>();
      while (stack.length > 0) {
        const id = stack.pop()!;
        const known = producers.has(id) && !released.has(id);
        if (seen.has(id) || known || results.has(id)) continue;
        seen.add(id);
        released.delete(id); // asked for again: it will run, or be found, once more
        producers.set(id, new Set());
        for (const source of graph.get(id)?.inputs.values() ?? []) {
          if (!('link' in source)) continue;
          hold(source.link[0], id);
          stack.push(source.link[0]);
        }
      }
    },
    release(first) {
      const stack = [first];
      while (stack.length > 0) {
        const id = stack.pop()!;
        if (released.has(id)) continue;
        released.add(id);
        if (!consumers.get(id)?.size) results.delete(id);
        for (const producer of producers.get(id) ?? []) {
          const left = consumers.get(producer)!;
          left.delete(id);
          if (left.size > 0) continue;
          results.delete(producer);
          if (!mayRun(producer)) stack.push(producer);
        }
      }
    },
  };
}
