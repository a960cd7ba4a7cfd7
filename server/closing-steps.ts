// What was opened is closed in reverse order; every step runs, even if one before it failed.

export class ClosingSteps {
  readonly #steps: (() => unknown)[] = [];
  #closed: Promise<void> | undefined;

  /** To be called as soon as a part is open, with the function that closes it. */
  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** Closes everything, once, however often it is called. The first error is thrown after the last step. */
  run(): Promise<void> {
    this.#closed ??= this.#runAll();
    return this.#closed;
  }

  async #runAll(): Promise<void> {
    const errors: unknown[] = [];
    for (const step of this.#steps.reverse()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
