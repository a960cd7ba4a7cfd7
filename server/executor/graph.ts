// The graph of a running prompt: the user's nodes, and those that nodes put in their own place while it runs.
import type { ApiGraph, ApiNode, Link } from '../../schemas/prompt.ts';

/** Nodes that expansion may add to one prompt: an endless loop ends here instead of in the memory. */
export const MAX_EXPANDED_NODES = 100_000;
/** How deep expansions may nest; a loop made of expansions nests once per round. */
export const MAX_EXPANSION_DEPTH = 1_000;

/** What an input holds: an output of another node, or a value. */
export type InputSource = { readonly link: Link } | { readonly literal: unknown };

export interface GraphNode {
  readonly id: string;
  readonly classType: string;
  readonly inputs: ReadonlyMap<string, InputSource>;
  /** The node that put this one into the graph; undefined for the user's own. */
  readonly parent: string | undefined;
  /** The node that a front end lights up for it. */
  readonly display: string;
  /** The node of the user's prompt that it stems from. */
  readonly real: string;
  readonly depth: number;
  readonly source: ApiNode;
}

export interface DynamicGraph {
  get(id: string): GraphNode | undefined;
  /** The node of that id. Throws where there is none. */
  need(id: string): GraphNode;
  ids(): Iterable<string>;
  /** Adds the nodes of an expansion below `parent` and returns their ids. Throws on ids in use and beyond the limits. */
  expand(parent: string, graph: ApiGraph): string[];
  /** The whole graph as it stands, expansions included (DYNPROMPT). */
  toApi(): ApiGraph;
}

/** `[node id, output index]`, as links stand among the inputs of a prompt. */
export const isLink = (value: unknown): value is Link =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && typeof value[1] === 'number';

function parseInput(value: unknown): InputSource {
  if (isLink(value)) return { link: value };
  const wrapped = typeof value === 'object' && value !== null && Object.hasOwn(value, '__value__');
  return { literal: wrapped ? (value as { __value__: unknown }).__value__ : value };
}

const parseInputs = (node: ApiNode): Map<string, InputSource> =>
  new Map(Object.entries(node.inputs ?? {}).map(([name, value]) => [name, parseInput(value)]));

/** A graph that starts as the prompt; ids may be any string, `__proto__` too. */
export function createGraph(prompt: ApiGraph): DynamicGraph {
  const nodes = new Map<string, GraphNode>();
  for (const [id, source] of Object.entries(prompt)) {
    const { class_type: classType } = source;
    nodes.set(id, {
      id,
      classType,
      inputs: parseInputs(source),
      parent: undefined,
      display: id,
      real: id,
      depth: 0,
      source,
    });
  }
  const limit = nodes.size + MAX_EXPANDED_NODES;

  const need = (id: string): GraphNode => {
    const node = nodes.get(id);
    if (node === undefined) throw new Error(`There is no node ${id} in the graph.`);
    return node;
  };
  return {
    get: (id) => nodes.get(id),
    need,
    ids: () => nodes.keys(),
    expand(parentId, graph) {
      const parent = need(parentId);
      const entries = Object.entries(graph);
      const depth = parent.depth + 1;
      if (depth > MAX_EXPANSION_DEPTH)
        throw new Error(`Node ${parentId} expands inside ${parent.depth} other expansions; the limit is reached.`);
      if (nodes.size + entries.length > limit)
        throw new Error(`Expansions may add ${MAX_EXPANDED_NODES} nodes to a prompt; node ${parentId} goes beyond.`);
      const taken = entries.find(([id]) => nodes.has(id));
      if (taken)
        throw new Error(
          `Attempt to add duplicate node ${taken[0]}: ids in an expansion must be unique and deterministic.`,
        );
      for (const [id, source] of entries) {
        const { override_display_id: override } = source as { override_display_id?: string };
        nodes.set(id, {
          id,
          classType: source.class_type,
          inputs: parseInputs(source),
          parent: parentId,
          display: override === undefined ? parent.display : (nodes.get(override)?.display ?? override),
          real: parent.real,
          depth,
          source,
        });
      }
      return entries.map(([id]) => id);
    },
    toApi: () => Object.fromEntries([...nodes].map(([id, { source }]) => [id, source])),
  };
}
