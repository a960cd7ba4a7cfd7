// A pause that ends early when its signal is aborted.
import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves after that many milliseconds. Rejects with the signal's reason as soon as it is aborted. */
export async function wait(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted(); // Node rejects with an AbortError of its own, the reason inside
    throw error;
  }
}
