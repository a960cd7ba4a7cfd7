// Nodes of one prompt with the same key: while the first of them runs, the others wait for it, to take its result.
import type { Schedule } from './schedule.ts';

/** Who runs, by key. To wait is to be back in the schedule, so it costs nothing. */
export class EqualNodes {
  readonly #schedule: Schedule;
  readonly #running = new Map<string, string>();
  readonly #places = new Map<string, { readonly key: string; readonly waiting: string[] }>();

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
  }

  /** True: an equal node runs, and `id` is back in the schedule until that has ended. False: `id` is now the one that runs. */
  waitFor(key: string, id: string): boolean {
    const first = this.#running.get(key);
    if (first === undefined) {
      this.#running.set(key, id);
      this.#places.set(id, { key, waiting: [] });
      return false;
    }
    this.#places.get(first)!.waiting.push(id);
    this.#schedule.require(first, id);
    this.#schedule.putBack(id);
    return true;
  }

  /** A node runs no longer. If it has no result yet (it expands, or asks for inputs), the others need not wait for it. */
  leave(id: string): void {
    const place = this.#places.get(id);
    if (!place) return;
    this.#places.delete(id);
    this.#running.delete(place.key);
    for (const other of place.waiting) this.#schedule.release(id, other);
  }
}
