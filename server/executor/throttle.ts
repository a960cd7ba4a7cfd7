// Lets the first of many values through, then at most one per interval; the newest that was held back can be flushed.

interface Throttle<T> {
  offer(value: T): void;
  /** Lets the value through that is held back, if there is one. */
  flush(): void;
}

/** There are no timers: a value that is held back waits for the first offer after the interval, which replaces it, or for `flush`. */
export function createThrottle<T>(intervalMs: number, pass: (value: T) => void): Throttle<T> {
  let last = Number.NEGATIVE_INFINITY;
  let held: { readonly value: T } | undefined;
  return {
    offer(value) {
      const now = performance.now();
      if (now - last < intervalMs) {
        held = { value };
        return;
      }
      last = now;
      held = undefined;
      pass(value);
    },
    flush() {
      if (held === undefined) return;
      const { value } = held;
      held = undefined;
      last = performance.now();
      pass(value);
    },
  };
}
