// Work → the same work, with a limit on how much of it runs at the same time.

/** Runs a piece of work as soon as fewer than the limit are running. */
export type Limiter = <T>(work: () => Promise<T>) => Promise<T>;

/** A limiter for all work that draws on the same memory. The waiting pieces run in the order in which they came. */
export function createLimiter(max: number): Limiter {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= max) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next)
        next(); // takes over this place: `running` stays
      else running--;
    }
  };
}
