// Closing what was opened: the last first, all of it, once.
import { ClosingSteps } from '../../server/closing-steps.ts';

test('what was opened last is closed first, and each step waits for the one before', async () => {
  const closing = new ClosingSteps();
  const order: string[] = [];
  closing.add(() => order.push('first'));
  closing.add(async () => {
    await new Promise(setImmediate);
    order.push('second');
  });
  closing.add(() => order.push('third'));
  await closing.run();
  expect(order).toEqual(['third', 'second', 'first']);
});

test('a step that fails keeps none of the others from closing, and is told at the end', async () => {
  const closing = new ClosingSteps();
  const order: string[] = [];
  closing.add(() => order.push('first'));
  closing.add(() => Promise.reject(new Error('the second failed')));
  closing.add(() => {
    throw new Error('the third failed');
  });
  await expect(closing.run()).rejects.toThrow('the third failed');
  expect(order).toEqual(['first']);
});

test('nothing is closed twice, and every caller waits for the end', async () => {
  const closing = new ClosingSteps();
  let closed = 0;
  closing.add(async () => {
    await new Promise(setImmediate);
    closed++;
  });
  await Promise.all([closing.run(), closing.run().then(() => expect(closed).toBe(1))]);
  expect(closed).toBe(1);
});
