// Nodes that a running node makes → the graph that it expands to, with ids that are unique in the prompt and the same in every run.

import type { UiOutput } from '../schemas/events.ts';
import { wrapLiteral } from '../schemas/literal.ts';
import type { ApiGraph, ApiNode, Link } from '../schemas/prompt.ts';
import { NodeResult } from './define-node.ts';
import type { NodeContext } from './node-context.ts';

/** A node of the graph that is being built. */
export interface BuiltNode {
  readonly id: string;
  /** The link to one of its outputs. */
  out(index: number): Link;
  /** Sets an input to a value, or to a link from `out` or `link`. */
  set(name: string, value: unknown): void;
}

interface NodeOptions {
  /** The node's name in this graph; by default it is numbered. A loop that names its nodes finds their results again. */
  readonly id?: string;
  /** The node of the prompt that front ends highlight for it; by default the one that expands. */
  readonly displayId?: string;
}

/** Builders of one call so far: each has a number of its own. */
const counts = new WeakMap<object, number>();

/**
 * Builds an expansion. Ids are `<node>.<call>.<graph>.<name>`: the node that expands, which of its calls this is, which of the call's
 * builders. Results of the same graph are found in the cache, since its ids are the same the next time.
 */
export class GraphBuilder {
  readonly #prefix: string;
  readonly #nodes = new Map<string, ApiNode & { override_display_id?: string }>();
  readonly #links = new WeakSet<object>();

  constructor(context: Pick<NodeContext, 'nodeId' | 'callIndex'>) {
    const graphs = counts.get(context) ?? 0;
    counts.set(context, graphs + 1);
    this.#prefix = `${context.nodeId}.${context.callIndex}.${graphs}.`;
  }

  /** Adds a node. Throws if the id is taken. */
  node(classType: string, inputs: Readonly<Record<string, unknown>> = {}, options: NodeOptions = {}): BuiltNode {
    const id = this.#prefix + (options.id ?? this.#nodes.size + 1);
    if (this.#nodes.has(id)) throw new Error(`The expansion has two nodes with the id ${options.id}.`);
    const { displayId } = options;
    const held: Record<string, unknown> = {};
    this.#nodes.set(id, {
      class_type: classType,
      inputs: held,
      ...(displayId !== undefined && { override_display_id: displayId }),
    });
    const set = (name: string, value: unknown): void => {
      // Any other list is a value, even if it looks like a link: it may come from a stranger's graph.
      const isOurs = typeof value === 'object' && value !== null && this.#links.has(value);
      Object.defineProperty(held, name, {
        value: isOurs ? value : wrapLiteral(value),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    };
    for (const [name, value] of Object.entries(inputs)) set(name, value);
    return { id, out: (index) => this.link([id, index]), set };
  }

  /** A link to a node outside of this graph, such as the value of an input with `rawLink`. */
  link([id, index]: Link): Link {
    const link: Link = [id, index];
    this.#links.add(link);
    return link;
  }

  /** The graph in API format. */
  build(): ApiGraph {
    return Object.fromEntries(this.#nodes);
  }

  /** What `run` is to return: the graph, and outputs that may be links into it. */
  result<O>(outputs: O, ui?: UiOutput): NodeResult<O> {
    return new NodeResult({ outputs, ui, expand: this.build() });
  }
}
