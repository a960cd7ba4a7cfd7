// Values that are made once and kept. A promise that rejects is forgotten, so that the next call tries again.

/** What remembered promises are kept in: a Map, a WeakMap or a cache with a limit. */
export interface PromiseStore<K, T> {
  get(key: K): Promise<T> | undefined;
  set(key: K, value: Promise<T>): unknown;
  delete(key: K): unknown;
}

/** The promise of a key: the one in the store, or a new one that is put there and removed again if it rejects. */
export function remember<K, T>(store: PromiseStore<K, T>, key: K, make: () => Promise<T>): Promise<T> {
  const known = store.get(key);
  if (known) return known;
  const made = make();
  store.set(key, made);
  made.catch(() => {
    if (store.get(key) === made) store.delete(key);
  });
  return made;
}

/** A function that makes its value at the first call and returns the same one from then on, unless making it failed. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  const store = new Map<undefined, Promise<T>>();
  return () => remember(store, undefined, make);
}
