// What a node receives: for each declared input the list of its values, from literals and links alike (protocol: Lists).
import type { Input, NodeDefinition } from '../../nodes/define-node.ts';
import type { Link } from '../../schemas/prompt.ts';
import { inputNamed, inputsOf } from '../packs/inputs-of.ts';
import type { GraphNode } from './graph.ts';
import type { ResultLookup } from './result-store.ts';

/** Input name → its values; a lazy input that was not computed is absent. */
export type InputLists = ReadonlyMap<string, readonly unknown[]>;

interface GatherOptions {
  readonly node: GraphNode;
  readonly definition: Pick<NodeDefinition, 'type' | 'inputs' | 'hidden' | 'anyInputs'>;
  readonly results: ResultLookup;
  /** Lazy inputs that the node asked for. */
  readonly asked?: ReadonlySet<string>;
}

/**
 * Gathers the inputs of a node: the declared ones and, for a class with `anyInputs`, every link. A widget that was left out has its
 * default. Lazy inputs are computed only once the node `asked` for them.
 * Throws if a required input is absent, a link is not declared, or it names an output that its node does not have.
 */
export function gatherInputs({ node, definition, results, asked }: GatherOptions): InputLists {
  const lists = new Map<string, readonly unknown[]>();
  for (const [name, input] of [...inputsOf(definition), ...undeclaredLinks(node, definition)]) {
    const { options, optional } = input;
    const source = node.inputs.get(name);
    if (source === undefined) {
      if (options.default !== undefined) lists.set(name, [options.default]);
      else if (!optional) throw new Error(`Required input is missing: ${name}`);
    } else if ('literal' in source) lists.set(name, [source.literal]);
    else if (options.rawLink) lists.set(name, [source.link]);
    // Absent even if its value is at hand: a result must not depend on what is cached.
    else if (!options.lazy || asked?.has(name)) lists.set(name, linkedValues(name, source.link, results));
  }
  return lists;
}

/** Expansions are not validated: a link to an input that does not exist is an error here, too. */
const undeclaredLinks = ({ inputs }: GraphNode, definition: GatherOptions['definition']): [string, Input][] => {
  const declared = new Set(inputsOf(definition).map(([name]) => name));
  return [...inputs].flatMap(([name, source]): [string, Input][] => {
    if (declared.has(name) || !('link' in source)) return [];
    const input = inputNamed(definition, name);
    if (!input) throw new Error(`${definition.type} has no input ${name}, which is linked.`);
    return [[name, input]];
  });
};

function linkedValues(name: string, [from, slot]: Link, results: ResultLookup): readonly unknown[] {
  const outputs = results.get(from)?.outputs;
  if (outputs === undefined) throw new Error(`Input ${name} needs node ${from}, which has no result.`);
  if (outputs[slot] !== undefined) return outputs[slot];
  throw new Error(`Input ${name} asks for output ${slot} of node ${from}, which has ${outputs.length} outputs.`);
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
