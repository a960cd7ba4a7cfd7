// The calls of one node over its lists: beside each other as far as they wait, in the order of the list, results too.
import type { Admission } from './admission.ts';
import { Turns } from './turns.ts';

export interface Calls<T> {
  readonly count: number;
  /** The calls are known to wait for something: each has to be let in. Others start, and show whether they do. */
  readonly wait: boolean;
  /** Memory that a call takes, about. */
  bytesOf(index: number): number;
  call(index: number): Promise<T>;
  /** A call has failed: those under way are to end. */
  stop(reason: unknown): void;
}

/** Results by index. Rejects with the first failure, once no call is under way any more. */
export async function runCalls<T>(calls: Calls<T>, admission: Admission): Promise<T[]> {
  const results: T[] = [];
  const turns = new Turns();
  const underWay = new Set<Promise<void>>();
  let failure: { readonly thrown: unknown } | undefined;
  const start = (index: number, leave: () => void): Promise<void> => {
    const task = calls
      .call(index)
      .then(
        (result) => {
          results[index] = result;
        },
        (thrown) => {
          failure ??= { thrown };
          calls.stop(thrown);
        },
      )
      .finally(() => {
        leave();
        underWay.delete(task);
      });
    underWay.add(task);
    return task;
  };
  for (let i = 0; i < calls.count && !failure; i++) {
    const bytes = calls.bytesOf(i);
    const mustWait = calls.wait || underWay.size > 0;
    const leave = mustWait ? await admission.enter(bytes) : admission.join(bytes);
    // A call that does not wait for anything ends here, before the next one starts.
    await Promise.race([start(i, leave), turns.take()]);
    if (turns.due) await turns.take();
  }
  await Promise.all(underWay);
  if (failure) throw failure.thrown;
  return results;
}
