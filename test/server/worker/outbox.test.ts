// What the worker sends together, and what it must not keep back.
import type { ExecutionEvent } from '../../../schemas/events.ts';
import { createOutbox, type Outbox } from '../../../server/worker/outbox.ts';
import type { FromWorker } from '../../../server/worker/protocol.ts';

let written: string[][];
let outbox: Outbox;
beforeEach(() => {
  written = [];
  outbox = createOutbox((messages, sent) => {
    written.push(messages.map((message) => (message.type === 'event' ? message.event.type : message.type)));
    sent?.(null);
  });
});
const event = (type: string): FromWorker => ({
  type: 'event',
  promptId: 'p',
  event: { type, data: {} } as unknown as ExecutionEvent,
});

test('messages of one turn are one write at its end, in order', async () => {
  for (const type of ['execution_start', 'execution_cached', 'executed']) outbox.put(event(type));
  expect(written).toEqual([]);
  await new Promise(setImmediate);
  outbox.put(event('execution_success'));
  await new Promise(setImmediate);
  expect(written).toEqual([['execution_start', 'execution_cached', 'executed'], ['execution_success']]);
});

test.each(['executing', 'progress'])('%s goes at once, with what waits: the node may block the process', (type) => {
  outbox.put(event('progress_state'));
  outbox.put(event(type));
  expect(written).toEqual([['progress_state', type]]);
});

test('whatever is no event goes at once, too', () => {
  outbox.put(event('execution_success'));
  outbox.put({ type: 'fatal', message: 'no luck', stack: '' });
  expect(written).toEqual([['execution_success', 'fatal']]);
});

test('what wants to know when it has left does not wait', () => {
  let left = false;
  outbox.put(event('preview'), () => {
    left = true;
  });
  expect([written, left]).toEqual([[['preview']], true]);
});
