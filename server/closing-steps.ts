// What was opened, in order → closed, the last first: every step runs, whatever became of those before it.

export class ClosingSteps {
  readonly #steps: (() => unknown)[] = [];
  #closed: Promise<void> | undefined;

  /** To be called right after a part was opened, with what closes it. */
  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** Closes everything once, however often it is called. Throws what the first failing step threw, after the last step. */
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
