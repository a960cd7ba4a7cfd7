// How many calls of nodes may be under way at once: as many as wait for something, while there is memory for them.
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MemoryLedger } from './memory-ledger.ts';

/** Calls under way at once, however little memory they take. */
export const MAX_CALLS = 64;
/** How often a call that may not start yet looks again. */
const LOOK_EVERY_MS = 1;
/** The event loop is idle if it had nothing to do for so long, and for most of the time since the last call started. */
const IDLE_MS = 0.5;
const MOSTLY = 0.5;

/** Whether a function is declared `async`: it may wait for something outside. */
export const isAsync = (run: unknown): boolean => Object.prototype.toString.call(run) === '[object AsyncFunction]';

/**
 * Lets calls in. Those that wait (for a timer, the network, another thread) run beside each other; one that computes keeps
 * the event loop busy, and a second one would only make both slower: it starts when the loop is idle.
 */
export class Admission {
  readonly #ledger: Pick<MemoryLedger, 'freeBytes'>;
  #calls = 0;
  #neededBytes = 0;
  #lastStart = performance.eventLoopUtilization();
  /** Settles when whoever stands before in the line has been let in. */
  #line: Promise<void> = Promise.resolve();

  constructor(ledger: Pick<MemoryLedger, 'freeBytes'>) {
    this.#ledger = ledger;
  }

  /** Whether another call may start, if there is memory for it. */
  get isOpen(): boolean {
    return this.#calls === 0 || (this.#calls < MAX_CALLS && this.#isIdle());
  }

  /** Waits until a call that needs this much memory may start; the result is to be called when it has ended. */
  async enter(bytes: number): Promise<() => void> {
    const before = this.#line;
    let letNext: () => void = () => undefined;
    this.#line = new Promise((resolve) => {
      letNext = resolve;
    });
    await before;
    while (!this.isOpen || !this.#fits(bytes)) await sleep(LOOK_EVERY_MS);
    letNext();
    return this.join(bytes);
  }

  /** Notes a call that starts at once. */
  join(bytes: number): () => void {
    this.#calls++;
    this.#neededBytes += bytes;
    this.#lastStart = performance.eventLoopUtilization();
    return () => {
      this.#calls--;
      this.#neededBytes -= bytes;
    };
  }

  #fits(bytes: number): boolean {
    return this.#calls === 0 || this.#neededBytes + bytes <= this.#ledger.freeBytes;
  }

  #isIdle(): boolean {
    const { idle, active } = performance.eventLoopUtilization(this.#lastStart);
    return idle >= IDLE_MS && idle >= MOSTLY * (idle + active);
  }
}
