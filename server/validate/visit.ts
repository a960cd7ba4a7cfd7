// Runs validations that ask for other validations, on a stack of its own: a chain of thousands of nodes must not become a deep recursion.

/** A step asks for another node's result, or for a promise's value. */
export type Step = { readonly node: string } | { readonly promise: Promise<unknown> };

/** One node's validation: yields steps and is resumed with their results. */
export type Visit<R> = Generator<Step, R, unknown>;

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
  }: {
    start(node: string): Visit<R>;
    known(node: string, path: Path): R | undefined;
    done(node: string, result: R): void;
  },
): Promise<R> {
  const path = [first];
  const stack = [start(first)];
  let send: unknown;
  let failed: { error: unknown } | undefined;
  for (;;) {
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
