// Promises that are made once: kept when they resolve, forgotten when they reject.
import { jest } from '@jest/globals';
import { once, remember } from '../engine/memo.ts';

/** Fails at the first call, then counts. */
function failingOnce(): () => Promise<number> {
  let calls = 0;
  return async () => {
    if (calls++ === 0) throw new Error('not yet');
    return calls;
  };
}

test('calls with one key share one promise, also while it is pending', async () => {
  const store = new Map<string, Promise<object>>();
  const make = jest.fn(async () => ({}));
  const [a, b] = [remember(store, 'a', make), remember(store, 'a', make)];
  expect(await a).toBe(await b);
  expect(await remember(store, 'b', make)).not.toBe(await a);
  expect(make).toHaveBeenCalledTimes(2);
});

test('a failure reaches everybody who waits for it, and the next call tries again', async () => {
  const store = new Map<string, Promise<number>>();
  const make = failingOnce();
  const waiting = [remember(store, 'a', make), remember(store, 'a', make)];
  for (const result of await Promise.allSettled(waiting))
    expect(result).toMatchObject({ status: 'rejected', reason: { message: 'not yet' } });
  expect(await remember(store, 'a', make)).toBe(2);
  expect(await remember(store, 'a', make)).toBe(2);
});

test('a late failure does not remove the promise that replaced it', async () => {
  const store = new Map<string, Promise<number>>();
  let fail = (_: Error) => {};
  const late = remember(store, 'a', () => new Promise<number>((_, reject) => (fail = reject)));
  const replacement = Promise.resolve(7);
  store.set('a', replacement);
  fail(new Error('too late'));
  await expect(late).rejects.toThrow('too late');
  expect(store.get('a')).toBe(replacement);
});

test('a maker that throws leaves nothing behind', async () => {
  const store = new Map<string, Promise<number>>();
  const broken = () => {
    throw new Error('at once');
  };
  expect(() => remember(store, 'a', broken)).toThrow('at once');
  expect(store.size).toBe(0);
});

test('once: one value for all calls, and a second try after a failure', async () => {
  const value = once(failingOnce());
  await expect(value()).rejects.toThrow('not yet');
  expect([await value(), await value()]).toEqual([2, 2]);
});
