// What earlier prompts, and this one so far, have for the nodes of this prompt: results looked up and kept by the nodes' keys.
import type { DynamicGraph } from './graph.ts';
import type { MemoryLedger } from './memory-ledger.ts';
import type { NodeOutputs, ResultCache } from './result-cache.ts';
import type { Signatures } from './signature.ts';

interface PromptCacheOptions {
  readonly graph: DynamicGraph;
  readonly signatures: Signatures;
  readonly cache: ResultCache;
  readonly ledger: MemoryLedger;
}

/** The result cache as one prompt sees it: by node id. */
export class PromptCache {
  readonly #graph: DynamicGraph;
  readonly #signatures: Signatures;
  readonly #cache: ResultCache;
  readonly #ledger: MemoryLedger;
  readonly #expanded = new Set<string>();
  /** Results of this prompt by key: equal nodes find them, whatever the cache keeps. */
  readonly #own = new Map<string, NodeOutputs>();
  /** Nodes by key that have not finished. */
  readonly #unfinished = new Map<string, number>();

  constructor({ graph, signatures, cache, ledger }: PromptCacheOptions) {
    this.#graph = graph;
    this.#signatures = signatures;
    this.#cache = cache;
    this.#ledger = ledger;
  }

  /** Tells the cache that the prompt begins; gives the nodes whose results can be found. */
  async begin(): Promise<string[]> {
    const ids = [...this.#graph.ids()];
    const keys = await this.#expect(ids);
    const owners = ids.map((id) => this.#ownerOf(id));
    this.#cache.begin(new Set(keys.values()), new Set(owners));
    return [...keys.keys()];
  }

  /** The key of a node's result; undefined: it can't be found. */
  keyOf(id: string): Promise<string | undefined> {
    return this.#signatures.keyOf(id);
  }

  /** The result of that key. */
  find(key: string): NodeOutputs | undefined {
    return this.#cache.get(key) ?? this.#own.get(key);
  }

  async get(id: string): Promise<NodeOutputs | undefined> {
    const key = await this.keyOf(id);
    return key === undefined ? undefined : this.find(key);
  }

  /** Keeps what a node has computed. */
  async set(id: string, result: NodeOutputs): Promise<void> {
    const key = await this.keyOf(id);
    if (key === undefined) return;
    this.#dropOwn(key);
    this.#own.set(key, result);
    this.#ledger.hold(result.holding);
    const isExpansion = this.#graph.need(id).parent !== undefined;
    this.#cache.set(key, result, isExpansion ? this.#ownerOf(id) : undefined);
  }

  /** A node has its result; in mode `none` it is forgotten once no equal node is left that may ask for it. */
  async finish(id: string): Promise<void> {
    const key = await this.keyOf(id);
    if (key === undefined) return;
    const left = (this.#unfinished.get(key) ?? 1) - 1;
    this.#unfinished.set(key, left);
    if (left <= 0 && !this.#cache.keepsResults) this.#dropOwn(key);
  }

  /** Forgets the result of a node, to save memory. False: it is left because it can't be had again, or an equal node will ask for it. */
  async forget(id: string): Promise<boolean> {
    const key = await this.keyOf(id);
    if (key === undefined || (this.#unfinished.get(key) ?? 0) > 0) return false;
    this.#dropOwn(key);
    this.#cache.delete(key);
    return true;
  }

  /** Forgets the oldest result of earlier prompts; false if there is none. */
  dropOldest(): boolean {
    return this.#cache.dropOldest();
  }

  /** A node expanded into `added`: what its earlier expansions left, and this one does not use, may go. */
  async noteExpansion(id: string, added: readonly string[]): Promise<void> {
    this.#expanded.add(this.#ownerOf(id));
    await this.#expect(added);
  }

  /** Tells the cache that the prompt ended well. */
  settle(): void {
    this.#cache.settle(this.#expanded);
  }

  /** The prompt has ended: what it alone kept is gone. */
  end(): void {
    for (const key of this.#own.keys()) this.#dropOwn(key);
  }

  #dropOwn(key: string): void {
    const result = this.#own.get(key);
    if (result && this.#own.delete(key)) this.#ledger.release(result.holding);
  }

  /** Counts nodes by their keys; gives the keys of those that have one. */
  async #expect(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const keys = new Map<string, string>();
    for (const id of ids) {
      const key = await this.keyOf(id);
      if (key === undefined) continue;
      keys.set(id, key);
      this.#unfinished.set(key, (this.#unfinished.get(key) ?? 0) + 1);
    }
    return keys;
  }

  /** What a cached result of an expansion belongs to: the user's node, by id and class. */
  #ownerOf(id: string): string {
    const { real } = this.#graph.need(id);
    return `${this.#graph.need(real).classType} ${real}`;
  }
}
