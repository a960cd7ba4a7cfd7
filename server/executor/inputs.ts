// What a node receives: per declared input the list of its values, literals and links alike (comfy-api.md 4.5).
import type { NodeDefinition } from '../../nodes/define-node.ts';
import type { GraphNode } from './graph.ts';
import type { NodeOutputs } from './result-cache.ts';

export interface GatheredInputs {
  /** Input name → its values; a lazy input that was not computed has none and stands in `missing`. */
  readonly lists: ReadonlyMap<string, readonly unknown[]>;
  readonly missing: ReadonlySet<string>;
}

/**
 * Gathers the declared inputs of a node; others are not passed. A widget that was left out has its default. Lazy
 * inputs are computed only once the node `asked` for them.
 * Throws where a required input is absent, or a link asks for an output that its node does not have.
 */
export function gatherInputs(
  node: GraphNode,
  definition: NodeDefinition,
  resultOf: (id: string) => NodeOutputs | undefined,
  asked: ReadonlySet<string> = new Set(),
): GatheredInputs {
  const lists = new Map<string, readonly unknown[]>();
  const missing = new Set<string>();
  for (const [name, { options, optional }] of Object.entries(definition.inputs)) {
    const source = node.inputs.get(name);
    if (source === undefined) {
      if (options.default !== undefined) lists.set(name, [options.default]);
      else if (!optional) throw new Error(`Required input is missing: ${name}`);
    } else if ('literal' in source) {
      lists.set(name, [source.literal]);
    } else {
      const [from, slot] = source.link;
      if (options.lazy && !asked.has(name)) {
        missing.add(name); // even where the value is at hand: a result must not depend on what is cached
        continue;
      }
      const result = resultOf(from);
      if (result === undefined) throw new Error(`Input ${name} needs node ${from}, which has no result.`);
      if (result.outputs[slot] === undefined)
        throw new Error(`Input ${name} asks for output ${slot} of node ${from}, which has ${result.outputs.length}.`);
      lists.set(name, result.outputs[slot]);
    }
  }
  return { lists, missing };
}

/**
 * The arguments of each call: one call with the lists where the node takes lists, else one per element of the longest
 * list, shorter ones repeating their last element. An empty list maps to no call.
 */
export function toCalls(
  lists: ReadonlyMap<string, readonly unknown[]>,
  inputIsList = false,
): Readonly<Record<string, unknown>>[] {
  if (inputIsList) return [Object.fromEntries(lists)];
  const lengths = [...lists.values()].map((list) => list.length);
  const count = lengths.includes(0) ? 0 : Math.max(1, ...lengths);
  return Array.from({ length: count }, (_, i) =>
    Object.fromEntries([...lists].map(([name, list]) => [name, list[Math.min(i, list.length - 1)]])),
  );
}
