// Runs validations that ask for other validations, on a stack of its own: a chain of thousands of nodes must not become a deep recursion.

/** A step asks for another node's result, or for a promise's value. */
export type Step = { readonly node: string } | { readonly promise: Promise<unknown> };

/** One node's validation: yields steps and is resumed with their results. */
export type Visit<R> = Generator<Step, R, unknown>;

/** Work for this long, then the event loop has a turn: other requests must not wait for the validation of a large graph. */
const TURN_MS = 10;

/** Says when it is time for a turn of the event loop, over any number of runs. */
export interface Pace {
  /** A promise if it is time, to be awaited. */
  pause(): Promise<void> | undefined;
}

export function createPace(): Pace {
  let since = performance.now();
  return {
    pause() {
      if (performance.now() - since < TURN_MS) return undefined;
      return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        since = performance.now();
      });
    },
  };
}

/** The nodes being visited, the deepest last. */
export type Path = readonly string[];

/**
 * Returns the result of `first`. `start` begins a node's visit; `known` answers without one if it can. A promise that
 * rejects is thrown into the visit.
 */
export async function runVisits<R>(
  first: string,
  {
    start,
    known,
    done,
    pace,
  }: {
    start(node: string): Visit<R>;
    known(node: string, path: Path): R | undefined;
    done(node: string, result: R): void;
    readonly pace: Pace;
  },
): Promise<R> {
  const path = [first];
  const stack = [start(first)];
  let send: unknown;
  let failed: { error: unknown } | undefined;
  for (;;) {
    const pause = pace.pause();
    if (pause) await pause;
    const visit = stack[stack.length - 1];
    const step: IteratorResult<Step, R> = failed ? visit.throw(failed.error) : visit.next(send);
    failed = undefined;
    if (step.done) {
      done(path[path.length - 1], step.value);
      stack.pop();
      path.pop();
      if (stack.length === 0) return step.value;
      send = step.value;
    } else if ('promise' in step.value) {
      try {
        send = await step.value.promise;
      } catch (error) {
        failed = { error };
      }
    } else {
      send = known(step.value.node, path);
      if (send !== undefined) continue;
      path.push(step.value.node);
      stack.push(start(step.value.node));
    }
  }
}
