// How far each node of a prompt is → progress_state: whole while it is small, and rare enough for graphs of many quick nodes.
import type { NodeProgress } from '../../schemas/events.ts';

/** progress_state names this many nodes; in larger graphs the oldest finished ones leave it. */
export const MAX_REPORTED_NODES = 100;
/** So many changes of a prompt are each told at once. */
const TOLD_AT_ONCE = 200;
/** Later ones are told together: at most so many, and only where one follows another within this time. */
const MAX_HELD_CHANGES = 50;
const HOLD_MS = 20;

/** The states of one prompt's nodes, told by `send`. */
export class NodeStates {
  readonly #send: (nodes: Record<string, NodeProgress>) => void;
  readonly #states = new Map<string, NodeProgress>();
  #changes = 0;
  #held = 0;
  #lastSent = 0;

  constructor(send: (nodes: Record<string, NodeProgress>) => void) {
    this.#send = send;
  }

  get(id: string): NodeProgress | undefined {
    return this.#states.get(id);
  }

  /** Notes a change; it is told at once, or with those that follow it. */
  set(id: string, state: NodeProgress): void {
    this.#states.set(id, state);
    this.#trim();
    this.#changes++;
    this.#held++;
    const isQuick = this.#changes > TOLD_AT_ONCE && performance.now() - this.#lastSent < HOLD_MS;
    if (!isQuick || this.#held >= MAX_HELD_CHANGES) this.flush();
  }

  /** Tells what was held back. */
  flush(): void {
    if (this.#held === 0) return;
    this.#held = 0;
    this.#lastSent = performance.now();
    this.#send(Object.fromEntries(this.#states));
  }

  #trim(): void {
    if (this.#states.size <= MAX_REPORTED_NODES) return;
    for (const [id, { state }] of this.#states) {
      if (this.#states.size <= MAX_REPORTED_NODES) return;
      if (state === 'finished') this.#states.delete(id);
    }
  }
}
