// The graph of a running prompt: the user's nodes, and those that nodes put in their own place while it runs.
import { isLink, unwrapLiteral } from '../../schemas/literal.ts';
import type { ApiGraph, ApiNode, Link } from '../../schemas/prompt.ts';

/** Nodes that expansion may add to one prompt: an endless loop stops here instead of filling the memory. */
const MAX_EXPANDED_NODES = 100_000;
/** How deep expansions may nest; a loop made of expansions nests once per iteration. */
const MAX_EXPANSION_DEPTH = 1_000;

/** What an input holds: an output of another node, or a value. */
type InputSource = { readonly link: Link } | { readonly literal: unknown };

export interface GraphNode {
  readonly id: string;
  readonly classType: string;
  readonly inputs: ReadonlyMap<string, InputSource>;
  /** The node that put this one into the graph; undefined for the user's own. */
  readonly parent: string | undefined;
  /** The node that a front end highlights for it. */
  readonly display: string;
  /** The node of the user's prompt that it comes from. */
  readonly real: string;
  readonly depth: number;
  readonly source: ApiNode;
}

const parseInput = (value: unknown): InputSource =>
  isLink(value) ? { link: value } : { literal: unwrapLiteral(value) };

const parseInputs = (node: ApiNode): Map<string, InputSource> =>
  new Map(Object.entries(node.inputs ?? {}).map(([name, value]) => [name, parseInput(value)]));

/** A graph that starts as the prompt and may grow; ids may be any string, `__proto__` too. */
export class DynamicGraph {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #limit: number;

  constructor(prompt: ApiGraph) {
    for (const [id, source] of Object.entries(prompt)) {
      this.#add(id, source, { parent: undefined, display: id, real: id, depth: 0 });
    }
    this.#limit = this.#nodes.size + MAX_EXPANDED_NODES;
  }

  get(id: string): GraphNode | undefined {
    return this.#nodes.get(id);
  }

  /** The node with that id. Throws if there is none. */
  need(id: string): GraphNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`There is no node ${id} in the graph.`);
    return node;
  }

  ids(): Iterable<string> {
    return this.#nodes.keys();
  }

  /** Adds the nodes of an expansion below `parent` and returns their ids. Throws on ids in use and beyond the limits. */
  expand(parentId: string, graph: ApiGraph): string[] {
    const parent = this.need(parentId);
    const entries = Object.entries(graph);
    this.#checkExpansion(parent, Object.keys(graph));
    for (const [id, source] of entries) {
      const { override_display_id: override } = source as { override_display_id?: string };
      const display = override === undefined ? parent.display : (this.get(override)?.display ?? override);
      this.#add(id, source, { parent: parentId, display, real: parent.real, depth: parent.depth + 1 });
    }
    return entries.map(([id]) => id);
  }

  /** The whole graph as it is now, expansions included (DYNPROMPT). */
  toApi(): ApiGraph {
    return Object.fromEntries([...this.#nodes].map(([id, { source }]) => [id, source]));
  }

  #add(id: string, source: ApiNode, place: Pick<GraphNode, 'parent' | 'display' | 'real' | 'depth'>): void {
    this.#nodes.set(id, { id, classType: source.class_type, inputs: parseInputs(source), ...place, source });
  }

  #checkExpansion(parent: GraphNode, ids: readonly string[]): void {
    if (parent.depth + 1 > MAX_EXPANSION_DEPTH)
      throw new Error(`Node ${parent.id} expands inside ${parent.depth} other expansions; the limit is reached.`);
    if (this.#nodes.size + ids.length > this.#limit)
      throw new Error(
        `Expansions may add at most ${MAX_EXPANDED_NODES} nodes to a prompt; node ${parent.id} goes beyond that.`,
      );
    const taken = ids.find((id) => this.#nodes.has(id));
    if (taken !== undefined)
      throw new Error(`Attempt to add duplicate node ${taken}: ids in an expansion must be unique and deterministic.`);
  }
}
