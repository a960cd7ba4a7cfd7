// Results that outlive their prompt, by cache key: `classic` (what the newest prompt uses), the last N used, or none.
import { LRUCache } from 'lru-cache';
import type { UiOutput } from '../../schemas/events.ts';

/** What a node returned: for each output the list of its values (one per call, or the elements of a list output). */
export interface NodeOutputs {
  readonly outputs: readonly (readonly unknown[])[];
  readonly ui: UiOutput | undefined;
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
  clear(): void;
}

/** Creates the cache of a mode. */
export function createResultCache(mode: CacheMode): ResultCache {
  if (mode === 'none')
    return { keepsResults: false, get: () => undefined, set() {}, begin() {}, settle() {}, clear() {} };
  return mode === 'classic' ? createClassicCache() : createLruCache(mode.lru);
}

function createLruCache(size: number): ResultCache {
  const results = new LRUCache<string, NodeOutputs>({ max: Math.max(1, Math.floor(size)) });
  return {
    keepsResults: true,
    get: (key) => results.get(key),
    set: (key, result) => void results.set(key, result),
    begin() {},
    settle() {},
    clear: () => results.clear(),
  };
}

function createClassicCache(): ResultCache {
  const entries = new Map<string, { readonly result: NodeOutputs; owner: string | undefined; used: number }>();
  let prompt = 0;
  return {
    keepsResults: true,
    get(key) {
      const entry = entries.get(key);
      if (entry) entry.used = prompt;
      return entry?.result;
    },
    set: (key, result, owner) => void entries.set(key, { result, owner, used: prompt }),
    begin(keys, owners) {
      prompt++;
      for (const [key, { owner }] of entries)
        if (!keys.has(key) && !(owner !== undefined && owners.has(owner))) entries.delete(key);
    },
    settle(expanded) {
      for (const [key, { owner, used }] of entries)
        if (owner !== undefined && expanded.has(owner) && used < prompt) entries.delete(key);
    },
    clear: () => entries.clear(),
  };
}
