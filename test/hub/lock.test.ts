// The lock of a model folder: between calls, between processes, and when its owner died.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLock } from '../../engine/hub/lock.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pez-lock-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const locks = () => readdirSync(dir).filter((name) => name.startsWith('.lock'));
/** Makes locks look as if their owners had died. */
const age = (...names: string[]) => {
  for (const name of names) utimesSync(join(dir, name), 0, 0);
};
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A call that holds the lock until `end`. */
async function hold(): Promise<{ done: Promise<void>; end: () => void }> {
  let end = () => {};
  let done = Promise.resolve();
  await new Promise<void>((entered) => {
    done = withLock(dir, { wait: nextTurn }, () => {
      entered();
      return new Promise<void>((resolve) => (end = resolve));
    });
  });
  return { done, end };
}

test('calls go in one after the other, and nothing is left behind', async () => {
  let inside = 0;
  const most: number[] = [];
  const work = async () => {
    most.push(++inside);
    await nextTurn();
    inside--;
  };
  await Promise.all(Array.from({ length: 5 }, () => withLock(dir, { wait: nextTurn }, work)));
  expect(most).toEqual([1, 1, 1, 1, 1]);
  expect(readdirSync(dir)).toEqual([]);
});

test('work that fails gives the lock back', async () => {
  const failing = withLock(dir, {}, async () => {
    throw new Error('no space');
  });
  await expect(failing).rejects.toThrow('no space');
  expect(locks()).toEqual([]);
});

test('an owner that was given up for dead does not take the lock of its successor away', async () => {
  const slow = await hold();
  age(...locks());
  const successor = await hold();
  slow.end();
  await slow.done;
  expect(locks()).toHaveLength(1);
  let third = false;
  const waiting = withLock(dir, { wait: nextTurn }, async () => {
    third = true;
  });
  for (let i = 0; i < 10; i++) await nextTurn();
  expect(third).toBe(false);
  successor.end();
  await Promise.all([successor.done, waiting]);
  expect([third, locks()]).toEqual([true, []]);
});

test('a folder that cannot be made is told', async () => {
  writeFileSync(join(dir, 'file'), '');
  const work = withLock(join(dir, 'file', 'model'), {}, async () => {});
  await expect(work).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
});

test('aborting ends the wait for the lock with the reason given', async () => {
  const owner = await hold();
  const controller = new AbortController();
  const reason = new Error('enough');
  const waiting = withLock(dir, { signal: controller.signal }, async () => {});
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  owner.end();
  await owner.done;
});

describe('several processes', () => {
  const PROCESSES = 4;
  const ROUNDS = 12;
  let children: ChildProcess[];

  beforeEach(async () => {
    const contender = join(import.meta.dirname, 'lock-contender.ts');
    children = Array.from({ length: PROCESSES }, () =>
      fork(contender, [dir], { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }),
    );
    await Promise.all(children.map((child) => once(child, 'message')));
  });
  afterEach(async () => {
    await Promise.all(children.map((child) => [once(child, 'exit'), child.kill()][0]));
  });

  test('that all find the locks of dead owners go in one at a time', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of ['.lock', `.lock-dead-${round}`]) writeFileSync(join(dir, name), '1\n');
      age(...locks());
      const answers = children.map((child) => once(child, 'message'));
      for (const child of children) child.send('go');
      for (const [said] of await Promise.all(answers)) expect(said).toBe('alone');
    }
    expect(locks()).toEqual([]);
    expect(existsSync(join(dir, 'inside'))).toBe(false);
  });
});
