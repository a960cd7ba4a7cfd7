// Times in milliseconds: medians over runs, several things measured in turn, so that noise of the machine affects all of them alike.

/** What is timed, by name. */
export type Timed = Readonly<Record<string, () => Promise<unknown>>>;

/** The median time of each, in milliseconds; one untimed round first. */
export async function timeInTurns<T extends Timed>(work: T, rounds: number): Promise<Record<keyof T, number>> {
  const times = new Map<string, number[]>(Object.keys(work).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, run] of Object.entries(work)) {
      const started = performance.now();
      await run();
      if (round >= 0) times.get(name)!.push(performance.now() - started);
    }
  }
  return Object.fromEntries([...times].map(([name, list]) => [name, median(list)])) as Record<keyof T, number>;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
