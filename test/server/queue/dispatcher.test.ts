// The dispatcher by itself: its states from created to closed, around a real store and a worker that only notes its jobs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job, JobOutcome } from '../../../server/job.ts';
import { createDispatcher, type Dispatcher, type DispatcherOptions } from '../../../server/queue/dispatcher.ts';
import { openJobStore } from '../../../server/queue/sqlite-store.ts';
import type { JobStore, NewJob } from '../../../server/queue/store.ts';
import type { LostRun } from '../../../server/worker/active-job.ts';

let folder: string;
let store: JobStore;
let dispatcher: Dispatcher;
/** What the worker was told, in order. */
let told: string[];
let end: (outcome?: Partial<JobOutcome>) => void;
/** Settles when the next job begins. */
let begun: Promise<void>;
let sayBegun: () => void;

const expectNextJob = () => {
  begun = new Promise((resolve) => {
    sayBegun = resolve;
  });
};

function make(more: Partial<DispatcherOptions> = {}, ready = async (): Promise<string | undefined> => undefined): void {
  dispatcher = createDispatcher({
    store,
    worker: {
      ready,
      run: ({ promptId }: Job) =>
        new Promise<JobOutcome>((resolve) => {
          told.push(`run ${promptId}`);
          end = (outcome = {}) => resolve({ status: 'success', outputs: {}, meta: {}, messages: [], ...outcome });
          sayBegun();
        }),
      interrupt: (promptId) => {
        told.push(`interrupt ${promptId}`);
        end({ status: 'interrupted' });
        return true;
      },
      free: () => told.push('free'),
    },
    hub: { emit: () => undefined, hears: () => false, status: () => undefined },
    startDelayMs: 0,
    ...more,
  });
}

const newJob = (promptId: string): NewJob => ({
  promptId,
  prompt: { '1': { class_type: 'A', inputs: {} } },
  outputsToExecute: ['1'],
  extraData: {},
  number: 0,
  createTime: 1000,
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dispatcher-'));
  store = openJobStore({ file: join(folder, 'queue.sqlite') });
  told = [];
  expectNextJob();
});
afterEach(async () => {
  await dispatcher.close();
  store.close();
  rmSync(folder, { recursive: true });
});

test('before its start it accepts and runs nothing; what waited runs after it', async () => {
  make();
  store.put(newJob('earlier'));
  dispatcher.remove(['not there']);
  expect([dispatcher.queueRemaining(), dispatcher.interrupt(), told]).toEqual([1, false, []]);
  dispatcher.start();
  await begun;
  expect(told).toEqual(['run earlier']);
});

test('a second start changes nothing', async () => {
  make();
  dispatcher.start();
  dispatcher.start();
  dispatcher.accept(newJob('a'))();
  await begun;
  expect(told).toEqual(['run a']);
  expect(store.remaining()).toBe(1);
});

test.each(['created', 'idle'])(
  'closed while %s it runs nothing any more, and what it accepts is kept',
  async (state) => {
    make();
    if (state === 'idle') dispatcher.start();
    await dispatcher.close();
    dispatcher.start();
    dispatcher.accept(newJob('late'))();
    await new Promise(setImmediate);
    expect([told, store.pendingCount(), dispatcher.interrupt()]).toEqual([[], 1, false]);
  },
);

test('closed while a job runs, by two callers: it is interrupted and waits again, and both wait for that', async () => {
  make();
  dispatcher.start();
  dispatcher.accept(newJob('a'))();
  await begun;
  await Promise.all([1, 2].map(() => dispatcher.close().then(() => expect(store.pendingCount()).toBe(1))));
  expect(told.slice(0, 2)).toEqual(['run a', 'interrupt a']);
  expect(store.next()).toBe('a');
});

test('a user’s interrupt is not undone by the stop that follows it', async () => {
  make();
  dispatcher.start();
  dispatcher.accept(newJob('a'))();
  await begun;
  expect(dispatcher.cancel('a')).toBe(true);
  await dispatcher.close();
  expect([store.remaining(), Object.keys(JSON.parse(store.historyText('a')))]).toEqual([0, ['a']]);
});

test('closed while it waits for a store that fails, it does not wait for the next try', async () => {
  store.close();
  store = openJobStore({ file: join(folder, 'queue.sqlite'), maxBytes: 100_000 });
  const waits = new Promise<string>((resolve) => make({ retryMs: 3_600_000, log: { error: resolve } }));
  dispatcher.start();
  dispatcher.accept(newJob('a'))();
  await begun;
  const full = () => {
    for (let i = 0; ; i++) store.put({ ...newJob(`filler ${i}`), extraData: { text: 'x'.repeat(500) } });
  };
  expect(full).toThrow(/disk is full/);
  end({ outputs: { '1': { text: ['y'.repeat(9_000)] } } });
  expect(await waits).toMatch(/^The queue waits: The disk is full/);
  await dispatcher.close();
  store.close(); // as a next start finds it
  store = openJobStore({ file: join(folder, 'queue.sqlite') });
  expect(store.has('a')).toBe(true);
  expect(store.historyText('a')).toBe('{}');
});

test('closed while it waits for a worker that cannot start or is slow, it stops at once, and the job is kept', async () => {
  for (const ready of [async () => 'no library', () => new Promise<undefined>(() => undefined)]) {
    let asked = () => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    make({ workerRetryMs: 3_600_000 }, () => {
      asked();
      return ready();
    });
    dispatcher.start();
    if (!store.has('a')) dispatcher.accept(newJob('a'))();
    await isAsked;
    await dispatcher.close();
    expect([told, store.pendingCount()]).toEqual([[], 1]);
  }
});

test('what is removed or put in front while the worker starts counts when it is there', async () => {
  let sayReady = () => {};
  let asked = 0;
  make({}, async () => {
    if (++asked === 1)
      await new Promise<void>((resolve) => {
        sayReady = resolve;
      });
    return undefined;
  });
  dispatcher.start();
  dispatcher.accept(newJob('a'))();
  while (asked === 0) await new Promise(setImmediate);
  store.put({ ...newJob('urgent'), number: -1 });
  expect(dispatcher.remove(['a'])).toBe(1);
  sayReady();
  await begun;
  expect(told).toEqual(['run urgent']);
});

test('a job that never began is run again however often; one whose worker died and that wrote nothing, once', async () => {
  const answers: boolean[] = [];
  const losses = [
    { began: false, mayHaveWritten: false },
    { began: false, mayHaveWritten: false },
    { began: true, mayHaveWritten: false },
    { began: false, mayHaveWritten: false },
    { began: true, mayHaveWritten: false },
    { began: true, mayHaveWritten: true },
  ];
  let sayEnded = () => {};
  const ended = new Promise<void>((resolve) => {
    sayEnded = resolve;
  });
  const run = async (_job: Job, _emit: unknown, mayRunAgain?: (lost: LostRun) => boolean) => {
    answers.push(mayRunAgain!({ ...losses[answers.length], reason: 'It died.' }));
    if (answers.length === losses.length) sayEnded();
    return (answers.at(-1) ? undefined : { status: 'error', outputs: {}, meta: {}, messages: [] }) as JobOutcome;
  };
  make({ worker: { ready: async () => undefined, run, interrupt: () => false, free: () => undefined } });
  dispatcher.start();
  dispatcher.accept(newJob('a'))();
  dispatcher.accept(newJob('b'))();
  await ended;
  while (store.remaining() > 0) await new Promise(setImmediate);
  expect(answers).toEqual([true, true, true, true, false, false]);
  expect(store.jobs().jobs.map(({ id, status }) => [id, status])).toEqual([
    ['b', 'failed'],
    ['a', 'failed'],
  ]);
});

test('memory is let go at once when nothing runs, else after the job', async () => {
  make();
  dispatcher.free({ unloadModels: false, freeMemory: false });
  dispatcher.free({ unloadModels: true, freeMemory: false });
  expect(told).toEqual(['free']);
  dispatcher.start();
  dispatcher.accept(newJob('a'))();
  await begun;
  dispatcher.free({ unloadModels: false, freeMemory: true });
  expectNextJob();
  dispatcher.accept(newJob('b'))();
  end();
  await begun;
  expect(told).toEqual(['free', 'run a', 'free', 'run b']);
});

test.each([
  ['that listens', 'me', true],
  ['without an id', undefined, false],
])('the job of a client %s starts with its answer', async (_, clientId, hears) => {
  make({ startDelayMs: 3_600_000, hub: { emit: () => undefined, hears: () => hears, status: () => undefined } });
  dispatcher.start();
  const letStart = dispatcher.accept({ ...newJob('a'), clientId });
  expect(told).toEqual([]);
  letStart();
  await begun;
  expect(told).toEqual(['run a']);
});

test('the job of a client that does not listen yet waits for it a moment', async () => {
  make({ startDelayMs: 20 });
  dispatcher.start();
  dispatcher.accept({ ...newJob('a'), clientId: 'me' })();
  await new Promise(setImmediate);
  expect(told).toEqual([]);
  await begun;
});
