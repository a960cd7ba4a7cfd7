// Work that does not wait by itself gives the event loop its turn: interrupts are heard, and events leave.

/** An interrupt is heard this soon, and the next piece of work. */
const TURN_EVERY_MS = 5;

/** Gives turns, at most one in TURN_EVERY_MS: a turn costs as much as a quick node. */
export class Turns {
  #last = performance.now();

  /** A turn is due. */
  get due(): boolean {
    return performance.now() - this.#last >= TURN_EVERY_MS;
  }

  async take(): Promise<void> {
    await new Promise(setImmediate);
    this.#last = performance.now();
  }
}
