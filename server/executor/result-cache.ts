// Results that outlive their prompt, by cache key: `classic` (what the newest prompt uses), the last N used, or none.
import { LRUCache } from 'lru-cache';
import type { UiOutput } from '../../schemas/events.ts';
import type { Holding } from './holding.ts';
import type { MemoryLedger } from './memory-ledger.ts';

/** What a node returned: for each output the list of its values (one per call, or the elements of a list output). */
export interface NodeOutputs {
  readonly outputs: readonly (readonly unknown[])[];
  readonly ui: UiOutput | undefined;
  /** The memory that it holds. */
  readonly holding: Holding;
}

export type CacheMode = 'classic' | 'none' | { readonly lru: number };

export interface ResultCache {
  /** False in mode `none`: even a running prompt holds only what it still needs. */
  readonly keepsResults: boolean;
  get(key: string): NodeOutputs | undefined;
  /** `owner`: the user's node whose expansion the result belongs to. */
  set(key: string, result: NodeOutputs, owner?: string): void;
  /** A prompt with these keys and these owners begins: `classic` drops every result that it can't use. */
  begin(keys: ReadonlySet<string>, owners: ReadonlySet<string>): void;
  /** The prompt succeeded: results of these owners' earlier expansions that it did not use are dropped. */
  settle(expanded: ReadonlySet<string>): void;
  delete(key: string): void;
  /** Forgets the result that was not used for the longest time. False: there is none, or the mode keeps no such order. */
  dropOldest(): boolean;
  clear(): void;
}

type Counted = Pick<MemoryLedger, 'hold' | 'release'>;

/** Creates the cache of a mode; the ledger counts what it keeps. */
export function createResultCache(mode: CacheMode, ledger: Counted): ResultCache {
  if (mode === 'none') return emptyCache;
  return mode === 'classic' ? createClassicCache(ledger) : createLruCache(mode.lru, ledger);
}

const emptyCache: ResultCache = {
  keepsResults: false,
  get: () => undefined,
  set() {},
  begin() {},
  settle() {},
  delete() {},
  dropOldest: () => false,
  clear() {},
};

function createLruCache(size: number, ledger: Counted): ResultCache {
  const results = new LRUCache<string, NodeOutputs>({
    max: Math.max(1, Math.floor(size)),
    dispose: ({ holding }) => ledger.release(holding),
  });
  return {
    keepsResults: true,
    get: (key) => results.get(key),
    set(key, result) {
      if (results.peek(key) !== result) ledger.hold(result.holding);
      results.set(key, result);
    },
    begin() {},
    settle() {},
    delete: (key) => void results.delete(key),
    dropOldest: () => results.pop() !== undefined,
    clear: () => results.clear(),
  };
}

function createClassicCache(ledger: Counted): ResultCache {
  const entries = new Map<string, { readonly result: NodeOutputs; owner: string | undefined; used: number }>();
  let prompt = 0;
  const drop = (key: string) => {
    const entry = entries.get(key);
    if (entry && entries.delete(key)) ledger.release(entry.result.holding);
  };
  return {
    keepsResults: true,
    get(key) {
      const entry = entries.get(key);
      if (entry) entry.used = prompt;
      return entry?.result;
    },
    set(key, result, owner) {
      ledger.hold(result.holding);
      drop(key);
      entries.set(key, { result, owner, used: prompt });
    },
    begin(keys, owners) {
      prompt++;
      for (const [key, { owner }] of entries)
        if (!keys.has(key) && !(owner !== undefined && owners.has(owner))) drop(key);
    },
    settle(expanded) {
      for (const [key, { owner, used }] of entries)
        if (owner !== undefined && expanded.has(owner) && used < prompt) drop(key);
    },
    delete: drop,
    dropOldest: () => false,
    clear() {
      for (const key of entries.keys()) drop(key);
    },
  };
}
