// Runs at most a given number of pieces of work at once; the others wait for their turn, first come, first served.

/** Runs work when it is its turn, and passes on what comes of it. */
export type Limit = <T>(work: () => Promise<T>) => Promise<T>;

/** `limit(1)`: one after the other, for reads and writes that must not overlap. */
export function limit(max: number): Limit {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= max) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
