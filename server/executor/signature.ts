// Cache keys: a node's class, fingerprint and inputs, and those of everything before it, as one hash. No node ids in it.
import { createHash } from 'node:crypto';
import type { NodeFiles } from '../../nodes/node-context.ts';
import { inputNamed } from '../packs/inputs-of.ts';
import type { Registry } from '../packs/registry.ts';
import { canonicalText, NoCanonicalText } from './canonical-text.ts';
import type { DynamicGraph, GraphNode } from './graph.ts';

interface SignatureOptions {
  readonly graph: DynamicGraph;
  readonly registry: Registry;
  readonly files: NodeFiles;
  readonly hidden: (node: GraphNode) => Readonly<Record<string, unknown>>;
}

/**
 * Keys of the nodes of a graph, each computed once; fingerprints (IS_CHANGED) see the literals and the hidden values.
 * A fingerprint that throws counts as NaN: the node and all that follow run again.
 */
export class Signatures {
  readonly #options: SignatureOptions;
  readonly #keys = new Map<string, string | undefined>();

  constructor(options: SignatureOptions) {
    this.#options = options;
  }

  /** The key of a node's result; undefined: its result is never found again (NaN, values that can't be hashed). */
  async keyOf(id: string): Promise<string | undefined> {
    const { graph } = this.#options;
    // Ancestors first, without recursion: graphs may be deep. A node met again while open is on a cycle: no key.
    const open = new Set<string>();
    const stack = [id];
    while (stack.length > 0) {
      const current = stack[stack.length - 1];
      const node = graph.get(current);
      const before = node && !open.has(current) ? this.#sourcesWithoutKey(node) : [];
      open.add(current);
      const waiting = before.filter((b) => !open.has(b));
      if (waiting.length > 0 && !this.#keys.has(current)) {
        stack.push(...waiting);
        continue;
      }
      stack.pop();
      if (!this.#keys.has(current)) this.#keys.set(current, node && (await this.#compute(node)));
    }
    return this.#keys.get(id);
  }

  #sourcesWithoutKey({ inputs }: GraphNode): string[] {
    return [...inputs.values()].flatMap((source) =>
      'link' in source && !this.#keys.has(source.link[0]) ? [source.link[0]] : [],
    );
  }

  async #compute(node: GraphNode): Promise<string | undefined> {
    const definition = this.#options.registry.get(node.classType)?.definition;
    if (!definition) return undefined;
    const ownId = definition.notIdempotent || Object.values(definition.hidden ?? {}).includes('UNIQUE_ID');
    const inputs: unknown[] = [];
    for (const [name, source] of [...node.inputs].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if ('literal' in source) inputs.push([name, 'literal', source.literal]);
      else {
        const key = this.#keys.get(source.link[0]);
        if (key === undefined) return undefined;
        // A node that receives the link itself sees the id, too.
        const seen = inputNamed(definition, name)?.options.rawLink ? [source.link[0]] : [];
        inputs.push([name, 'link', key, source.link[1], ...seen]);
      }
    }
    try {
      const text = canonicalText([node.classType, ownId ? node.id : null, await this.#fingerprint(node), inputs]);
      return createHash('sha256').update(text).digest('base64');
    } catch (error) {
      if (error instanceof NoCanonicalText) return undefined;
      throw error;
    }
  }

  async #fingerprint(node: GraphNode): Promise<unknown> {
    const { registry, hidden, files } = this.#options;
    const definition = registry.get(node.classType)?.definition;
    if (!definition?.fingerprint) return undefined;
    const literals = [...node.inputs].flatMap(([name, source]) =>
      'literal' in source && inputNamed(definition, name) ? [[name, source.literal]] : [],
    );
    try {
      return await definition.fingerprint({ ...Object.fromEntries(literals), ...hidden(node) }, { files });
    } catch {
      return Number.NaN;
    }
  }
}
