// A pause that ends by itself, or at once with the reason of its signal.
import { wait } from '../engine/wait.ts';

test('a pause ends after its time, with or without a signal', async () => {
  await wait(1);
  await wait(1, new AbortController().signal);
});

test('aborting ends it at once, with the reason itself', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const pause = wait(3_600_000, controller.signal);
  controller.abort(reason);
  await expect(pause).rejects.toBe(reason);
  await expect(wait(3_600_000, controller.signal)).rejects.toBe(reason);
});
