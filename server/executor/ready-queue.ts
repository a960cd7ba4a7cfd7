// Nodes that are ready to run, each with a rank → the one of the lowest rank; of several, the one with the lowest order.

/** Ranks are small numbers; an order is below this. */
const ORDERS = 2 ** 40;

/** A binary heap. To take an entry out of the middle is not needed: whoever takes an entry looks whether it still holds. */
export class ReadyQueue {
  readonly #keys: number[] = [];
  readonly #ids = new Map<number, string>();

  /** Adds an entry; one with the same order is the same node, which then stands in the queue more than once. */
  push(id: string, { rank, order }: { readonly rank: number; readonly order: number }): void {
    this.#ids.set(order, id);
    const key = rank * ORDERS + order;
    let at = this.#keys.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (this.#keys[above] <= key) break;
      this.#keys[at] = this.#keys[above];
      at = above;
    }
    this.#keys[at] = key;
  }

  /** The first entry; the lower its key, the sooner its turn, also beside another queue's. */
  first(): { readonly id: string; readonly key: number } | undefined {
    const [key] = this.#keys;
    return key === undefined ? undefined : { id: this.#ids.get(key % ORDERS)!, key };
  }

  /** Removes the first entry. */
  drop(): void {
    const last = this.#keys.pop();
    if (last !== undefined && this.#keys.length > 0) this.#sink(last);
  }

  /** Puts a key in the place of the first one, and lets it sink to where it belongs. */
  #sink(key: number): void {
    const keys = this.#keys;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= keys.length) break;
      if (below + 1 < keys.length && keys[below + 1] < keys[below]) below++;
      if (keys[below] >= key) break;
      keys[at] = keys[below];
      at = below;
    }
    keys[at] = key;
  }
}
