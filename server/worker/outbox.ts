// What the worker tells → one write for what belongs together: each write wakes the server, which costs more than the message.
import type { FromWorker } from './protocol.ts';

type Sent = (error: Error | null) => void;

export interface Outbox {
  /**
   * Sends a message, in order: with the others of this turn of the event loop, or at once if the turn may be long, as when a
   * node begins. `sent` is called when it has left; it sends at once, too.
   */
  put(message: FromWorker, sent?: Sent): void;
}

/** Events after which a node may block the event loop: they must not wait for it. */
const URGENT = ['executing', 'progress'];

/** `write` takes a list of messages to the other side. */
export function createOutbox(write: (messages: readonly FromWorker[], sent?: Sent) => void): Outbox {
  let waiting: FromWorker[] = [];
  const flush = (sent?: Sent) => {
    const messages = waiting;
    waiting = [];
    if (messages.length > 0) write(messages, sent);
  };
  return {
    put(message, sent) {
      waiting.push(message);
      if (sent || message.type !== 'event' || URGENT.includes(message.event.type)) flush(sent);
      else if (waiting.length === 1) setImmediate(() => flush());
    },
  };
}
