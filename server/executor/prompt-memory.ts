// The memory that a prompt may take: before it is taken where a node tells, afterwards for what nodes return.
import { InputError } from '../../engine/errors.ts';
import type { NodeDefinition } from '../../nodes/define-node.ts';
import { bytesOf, type Holding, holdingOf, holdingOfValues, MODEL_TYPES } from './holding.ts';
import type { MemoryLedger } from './memory-ledger.ts';
import type { CallResult } from './node-results.ts';
import type { PromptCache } from './prompt-cache.ts';
import type { ResultStore } from './result-store.ts';

interface PromptMemoryOptions {
  readonly ledger: MemoryLedger;
  readonly store: ResultStore;
  readonly cache: PromptCache;
}

/** Smaller results, bytes, are left: to have them again costs more than they take. */
const WORTH_FORGETTING = 2 ** 16;

/** The ledger as one prompt sees it. */
export class PromptMemory {
  readonly #ledger: MemoryLedger;
  readonly #store: ResultStore;
  readonly #cache: PromptCache;
  /** What calls returned of nodes that have not finished. */
  readonly #returned = new Map<string, Holding[]>();

  constructor({ ledger, store, cache }: PromptMemoryOptions) {
    this.#ledger = ledger;
    this.#store = store;
    this.#cache = cache;
  }

  /** About what a call takes: what the node tells, else as much again as its inputs hold. */
  needOf(definition: NodeDefinition, args: Readonly<Record<string, unknown>>): number {
    const told = toldBy(definition, args);
    if (told !== undefined) return told;
    const isModel = (name: string) => MODEL_TYPES.has(definition.inputs[name]?.type);
    return bytesOf(holdingOfValues(Object.keys(args).flatMap((name) => (isModel(name) ? [] : [args[name]]))));
  }

  /** Makes room for what a node is about to take. Throws MEMORY_EXCEEDED. */
  async reserve(definition: NodeDefinition, args: Readonly<Record<string, unknown>>): Promise<void> {
    const bytes = toldBy(definition, args);
    if (bytes !== undefined) await this.#makeRoom(bytes);
  }

  /** Counts what a call of a node returned, until the node has finished. Throws MEMORY_EXCEEDED. */
  async add(nodeId: string, definition: NodeDefinition, { values }: CallResult): Promise<void> {
    if (!Array.isArray(values)) return;
    const holding = holdingOf(values, definition);
    await this.#makeRoom(this.#ledger.newBytes(holding));
    this.#ledger.hold(holding);
    if (!this.#returned.has(nodeId)) this.#returned.set(nodeId, []);
    this.#returned.get(nodeId)!.push(holding);
  }

  /** The node has its result, which the store counts. */
  settle(nodeId: string): void {
    for (const holding of this.#returned.get(nodeId) ?? []) this.#ledger.release(holding);
    this.#returned.delete(nodeId);
  }

  /** The prompt has ended: only what the cache keeps still counts. */
  end(): void {
    for (const id of [...this.#returned.keys()]) this.settle(id);
    this.#store.clear();
    this.#cache.end();
  }

  /** Forgets results that no node needs, as far as that is necessary. */
  async #makeRoom(bytes: number): Promise<void> {
    const isShort = () => bytes > this.#ledger.freeBytes;
    while (isShort() && this.#cache.dropOldest());
    for (const id of this.#store.spare()) {
      if (!isShort()) return;
      const result = this.#store.get(id);
      if (!result || bytesOf(result.holding) < WORTH_FORGETTING) continue;
      if (await this.#cache.forget(id)) this.#store.drop(id);
    }
    if (isShort()) throw this.#exceeded(bytes);
  }

  #exceeded(bytes: number): InputError {
    const { maxBytes, freeBytes } = this.#ledger;
    return new InputError(
      'MEMORY_EXCEEDED',
      `This needs ${inWords(bytes)} more, and the prompt already holds ${inWords(maxBytes - freeBytes)} of the ${inWords(maxBytes)} that it may take: make the pictures smaller or the batches shorter, or start the server with a larger --max-memory.`,
    );
  }
}

/** What the node says that a call takes; undefined if it does not say, or these inputs are none that it can judge. */
function toldBy(definition: NodeDefinition, args: Readonly<Record<string, unknown>>): number | undefined {
  try {
    const bytes = definition.memory?.(args);
    return bytes !== undefined && bytes >= 0 ? bytes : undefined;
  } catch {
    return undefined; // `run` will say what is wrong with them
  }
}

const inWords = (bytes: number): string =>
  bytes < 2 ** 30 ? `${Math.max(1, Math.round(bytes / 2 ** 20))} MB` : `${(bytes / 2 ** 30).toFixed(1)} GB`;
