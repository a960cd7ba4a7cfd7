// What earlier prompts left for the nodes of this one: results looked up and kept by the nodes' keys.
import type { DynamicGraph } from './graph.ts';
import type { NodeOutputs, ResultCache } from './result-cache.ts';
import type { Signatures } from './signature.ts';

interface PromptCacheOptions {
  readonly graph: DynamicGraph;
  readonly signatures: Signatures;
  readonly cache: ResultCache;
}

/** The result cache as one prompt sees it: by node id. */
export class PromptCache {
  readonly #graph: DynamicGraph;
  readonly #signatures: Signatures;
  readonly #cache: ResultCache;
  readonly #expanded = new Set<string>();

  constructor({ graph, signatures, cache }: PromptCacheOptions) {
    this.#graph = graph;
    this.#signatures = signatures;
    this.#cache = cache;
  }

  /** Tells the cache that the prompt begins; gives the nodes whose results can be found. */
  async begin(): Promise<string[]> {
    const keys = new Map<string, string>();
    for (const id of this.#graph.ids()) {
      const key = await this.#signatures.keyOf(id);
      if (key !== undefined) keys.set(id, key);
    }
    const owners = [...this.#graph.ids()].map((id) => this.#ownerOf(id));
    this.#cache.begin(new Set(keys.values()), new Set(owners));
    return [...keys.keys()];
  }

  async get(id: string): Promise<NodeOutputs | undefined> {
    const key = await this.#signatures.keyOf(id);
    return key === undefined ? undefined : this.#cache.get(key);
  }

  async set(id: string, result: NodeOutputs): Promise<void> {
    const key = await this.#signatures.keyOf(id);
    if (key === undefined) return;
    const isExpansion = this.#graph.need(id).parent !== undefined;
    this.#cache.set(key, result, isExpansion ? this.#ownerOf(id) : undefined);
  }

  /** The node expanded in this prompt: what its earlier expansions left, and this one does not use, may go. */
  noteExpansion(id: string): void {
    this.#expanded.add(this.#ownerOf(id));
  }

  /** Tells the cache that the prompt ended well. */
  settle(): void {
    this.#cache.settle(this.#expanded);
  }

  /** What a cached result of an expansion belongs to: the user's node, by id and class. */
  #ownerOf(id: string): string {
    const { real } = this.#graph.need(id);
    return `${this.#graph.need(real).classType} ${real}`;
  }
}
