// What a node receives: for each declared input the list of its values, from literals and links alike (protocol: Lists).
import type { NodeDefinition } from '../../nodes/define-node.ts';
import type { GraphNode } from './graph.ts';
import type { ResultLookup } from './result-store.ts';

/** Input name → its values; a lazy input that was not computed is absent. */
export type InputLists = ReadonlyMap<string, readonly unknown[]>;

interface GatherOptions {
  readonly node: GraphNode;
  readonly definition: Pick<NodeDefinition, 'inputs'>;
  readonly results: ResultLookup;
  /** Lazy inputs that the node asked for. */
  readonly asked?: ReadonlySet<string>;
}

/**
 * Gathers the declared inputs of a node; others are not passed. A widget that was left out has its default. Lazy
 * inputs are computed only once the node `asked` for them.
 * Throws if a required input is absent, or a link names an output that its node does not have.
 */
export function gatherInputs({ node, definition, results, asked }: GatherOptions): InputLists {
  const lists = new Map<string, readonly unknown[]>();
  for (const [name, { options, optional }] of Object.entries(definition.inputs)) {
    const source = node.inputs.get(name);
    if (source === undefined) {
      if (options.default !== undefined) lists.set(name, [options.default]);
      else if (!optional) throw new Error(`Required input is missing: ${name}`);
    } else if ('literal' in source) {
      lists.set(name, [source.literal]);
    } else {
      const [from, slot] = source.link;
      // Absent even if its value is at hand: a result must not depend on what is cached.
      if (options.lazy && !asked?.has(name)) continue;
      const result = results.get(from);
      if (result === undefined) throw new Error(`Input ${name} needs node ${from}, which has no result.`);
      if (result.outputs[slot] === undefined)
        throw new Error(
          `Input ${name} asks for output ${slot} of node ${from}, which has ${result.outputs.length} outputs.`,
        );
      lists.set(name, result.outputs[slot]);
    }
  }
  return lists;
}

/**
 * The arguments of each call: a node that takes lists gets one call with them; others get one per element of the longest
 * list, shorter lists repeating their last element. If a list is empty, there is no call.
 */
export function toCalls(lists: InputLists, inputIsList = false): Readonly<Record<string, unknown>>[] {
  if (inputIsList) return [Object.fromEntries(lists)];
  const lengths = [...lists.values()].map((list) => list.length);
  const count = lengths.includes(0) ? 0 : Math.max(1, ...lengths);
  return Array.from({ length: count }, (_, i) =>
    Object.fromEntries([...lists].map(([name, list]) => [name, list[Math.min(i, list.length - 1)]])),
  );
}
