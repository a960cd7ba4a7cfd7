// The store of jobs: durable, ordered, queried in SQL (protocol: Queue; History; Jobs; Submitting a prompt).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { history, queue } from '../../../schemas/history.ts';
import type { JobOutcome } from '../../../server/job.ts';
import { parseJson } from '../../../server/json.ts';
import { openJobDatabase } from '../../../server/queue/database.ts';
import { openJobStore } from '../../../server/queue/sqlite-store.ts';
import { type JobStore, type NewJob, StoreError } from '../../../server/queue/store.ts';
import { summarise } from '../../../server/queue/summary.ts';

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

let folder: string;
let file: string;
const open: JobStore[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'jobs-'));
  file = join(folder, 'queue.sqlite');
});
afterEach(() => {
  for (const store of open.splice(0)) store.close();
  rmSync(folder, { recursive: true });
});

function openStore(options: Partial<Parameters<typeof openJobStore>[0]> = {}): JobStore {
  const store = openJobStore({ file, ...options });
  open.push(store);
  return store;
}
const close = (store: JobStore) => {
  open.splice(open.indexOf(store), 1);
  store.close();
};

const newJob = (promptId: string, more: Partial<NewJob> = {}): NewJob => ({
  promptId,
  prompt: { '1': { class_type: 'A', inputs: {} } },
  outputsToExecute: ['1'],
  extraData: {},
  number: 0,
  createTime: 1000,
  ...more,
});
const done = (promptId: string, more: Partial<JobOutcome> = {}): JobOutcome => ({
  status: 'success',
  outputs: {},
  meta: {},
  messages: [
    ['execution_start', { prompt_id: promptId, timestamp: 10 }],
    ['execution_success', { prompt_id: promptId, timestamp: 25 }],
  ],
  ...more,
});
function runAll(store: JobStore, ids: readonly string[]): void {
  for (const id of ids) {
    store.put(newJob(id));
    store.take(id);
    store.finish(id, done(id));
  }
}
const queueText = (store: JobStore) => [...store.queuePieces()].join('');
const historyOf = (store: JobStore, window = {}) =>
  Object.keys(history.parse(JSON.parse([...store.historyPieces(window)].join(''))));

test('the smallest number runs first, ties by prompt id', () => {
  const store = openStore();
  for (const [id, number] of [
    ['c', 1],
    ['b', 1],
    ['z', -5],
    ['a', 2.5],
  ] as const)
    store.put(newJob(id, { number }));
  const order: string[] = [];
  for (let id = store.next(); id !== undefined; id = store.next()) {
    store.take(id);
    order.push(id);
  }
  expect(order).toEqual(['z', 'b', 'c', 'a']);
});

test('a job comes back as it was put: big integers, NaN, a key __proto__', () => {
  const store = openStore();
  const inputs = parseJson('{"seed":18446744073709551615,"x":NaN,"y":-Infinity,"__proto__":{"a":1},"s":"\\u0000ü"}');
  const prompt = { '1': { class_type: 'A', inputs: inputs as Record<string, unknown> } };
  store.put(newJob('a', { prompt, clientId: 'me', extraData: { client_id: 'me' } }));
  const job = store.take('a');
  expect(job).toEqual({
    promptId: 'a',
    prompt,
    outputsToExecute: ['1'],
    extraData: { client_id: 'me' },
    clientId: 'me',
    workerDeaths: 0,
  });
  expect(queueText(store)).toContain('"seed":18446744073709551615,"x":null,"y":null,"__proto__":{"a":1}');
  queue.parse(JSON.parse(queueText(store)));
});

test('credentials reach the running job, never the file', () => {
  const store = openStore();
  store.put(newJob('a', { extraData: { auth_token_comfy_org: 'SECRET1', api_key_comfy_org: 'SECRET2', other: 1 } }));
  expect(queueText(store)).not.toContain('SECRET');
  expect(store.take('a')!.extraData).toEqual({
    auth_token_comfy_org: 'SECRET1',
    api_key_comfy_org: 'SECRET2',
    other: 1,
  });
  store.finish('a', done('a'));
  expect(store.historyText('a')).not.toContain('SECRET');
  close(store);
  expect(readFileSync(file).includes('SECRET')).toBe(false);
});

test('the history keeps so many entries, the oldest go', () => {
  const store = openStore({ maxHistory: 3 });
  runAll(store, ['a', 'b', 'c', 'd', 'e']);
  expect(historyOf(store)).toEqual(['c', 'd', 'e']);
  expect(store.has('a')).toBe(false);
});

test('a smaller limit of the history counts from the next start on', () => {
  const store = openStore();
  runAll(store, ['a', 'b', 'c', 'd', 'e']);
  store.put(newJob('waits'));
  close(store);
  const again = openStore({ maxHistory: 2 });
  expect(historyOf(again)).toEqual(['d', 'e']);
  expect(again.next()).toBe('waits');
});

test('windows of the history', () => {
  const store = openStore();
  expect(historyOf(store)).toEqual([]);
  const ids = Array.from({ length: 120 }, (_, index) => `p${index}`);
  runAll(store, ids);
  expect(historyOf(store)).toEqual(ids);
  expect(historyOf(store, { maxItems: 2 })).toEqual(['p118', 'p119']);
  expect(historyOf(store, { maxItems: 2, offset: 1 })).toEqual(['p1', 'p2']);
  expect(historyOf(store, { offset: 118 })).toEqual(['p118', 'p119']);
  expect(historyOf(store, { offset: 500 })).toEqual([]);
  expect(historyOf(store, { maxItems: 2, offset: -1 })).toEqual(['p118', 'p119']);
  expect(store.deleteHistory(['p0', 'nope'])).toBe(1);
  expect(store.historyText('p0')).toBe('{}');
  expect(store.deleteHistory()).toBe(119);
});

test('two histories that are read at once, step by step, are both whole, while jobs come and go', () => {
  const store = openStore();
  const ids = Array.from({ length: 120 }, (_, index) => `p${index}`);
  runAll(store, ids);
  const readers = [store.historyPieces(), store.historyPieces()];
  const texts = ['', ''];
  for (let step = 0; step <= ids.length; step++) {
    for (const [i, reader] of readers.entries()) texts[i] += reader.next().value;
    runAll(store, [`later ${step}`]);
  }
  for (const text of texts) expect(Object.keys(history.parse(JSON.parse(text)))).toEqual(ids);
  expect(readers.map((reader) => reader.next().done)).toEqual([true, true]);
});

test('a store that was closed neither reads nor writes, and its file is free', () => {
  const store = openStore();
  runAll(store, ['a']);
  close(store);
  expect(() => store.has('a')).toThrow(StoreError);
  expect(() => store.put(newJob('b'))).toThrow(StoreError);
  expect(openStore().remaining()).toBe(0);
});

test('what waits and the counter outlive the process; what ran runs again, with its number', () => {
  const store = openStore();
  expect([store.nextNumber(), store.nextNumber()]).toEqual([0, 1]);
  store.put(newJob('a', { number: 0 }));
  store.put(newJob('b', { number: 1 }));
  store.take('a');
  close(store);
  const again = openStore();
  expect(again.next()).toBe('a');
  expect(again.pendingCount()).toBe(2);
  expect(again.nextNumber()).toBe(2);
});

test('a prompt that was running whenever the server died is failed, with its reason in the history', () => {
  for (let death = 1; death <= 3; death++) {
    const store = openStore();
    if (death === 1) store.put(newJob('killer'));
    store.put(newJob(`other ${death}`, { number: 1 }));
    store.take('killer');
    close(store);
  }
  const store = openStore();
  expect(store.next()).toBe('other 1');
  const entry = history.parse(JSON.parse(store.historyText('killer'))).killer;
  expect(entry.status).toMatchObject({ status_str: 'error', completed: false });
  expect(entry.status.messages[1]).toMatchObject(['execution_error', { exception_type: 'ServerDied' }]);
  expect(store.job('killer')).toMatchObject({ status: 'failed' });
});

test('a result that can not be stored fails its prompt, instead of being tried for ever', () => {
  const store = openStore();
  const circle: Record<string, unknown> = {};
  circle.text = [circle];
  const endless = { text: [Array.from({ length: 20_000 }).reduce<unknown[]>((inner) => [inner], [])] };
  for (const [id, output] of Object.entries({ circle, endless })) {
    store.put(newJob(id));
    store.take(id);
    store.finish(id, done(id, { outputs: { '1': output } as unknown as JobOutcome['outputs'] }));
    const { status } = history.parse(JSON.parse(store.historyText(id)))[id];
    expect(status.messages[1]).toMatchObject(['execution_error', { exception_type: 'ResultUnstorable' }]);
  }
  expect(store.remaining()).toBe(0);
});

describe('a job that was just taken', () => {
  const queueOf = (store: JobStore) => {
    const { queue_running, queue_pending } = JSON.parse(queueText(store));
    return [queue_running, queue_pending].map((list: [number, string][]) => list.map(([, id]) => id));
  };

  test('is shown as running, is not next, and is not removed with those that wait', () => {
    const store = openStore();
    for (const id of ['a', 'b']) store.put(newJob(id));
    store.take('a');
    expect([store.pendingCount(), store.remaining(), store.next()]).toEqual([1, 2, 'b']);
    expect(queueOf(store)).toEqual([['a'], ['b']]);
    expect([store.deletePending(), store.remaining()]).toEqual([1, 1]);
    store.finish('a', done('a'));
    expect([store.remaining(), historyOf(store)]).toEqual([0, ['a']]);
  });

  test.each(['at once', 'after a look at the queue'])('goes back as if it had not been taken, %s', (when) => {
    const store = openStore({ maxAttempts: 1 });
    store.put(newJob('a'));
    store.take('a');
    if (when !== 'at once') queueText(store);
    store.release('a');
    expect([store.pendingCount(), store.remaining(), store.next(), queueOf(store)]).toEqual([1, 1, 'a', [[], ['a']]]);
  });

  test('is marked as running in the file before long: the death of the server then counts', async () => {
    const writer = `
      import { openJobStore } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../../server/queue/sqlite-store.ts')).href)};
      const store = openJobStore({ file: ${JSON.stringify(file)} });
      store.put(${JSON.stringify(newJob('a'))});
      store.take('a');
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), 200);`;
    const child = spawn(process.execPath, ['--import', tsx, '--input-type=module', '--eval', writer], {
      stdio: 'ignore',
    });
    await once(child, 'exit');
    const store = openStore({ maxAttempts: 1 });
    expect([store.remaining(), JSON.parse(store.historyText('a')).a.status.status_str]).toEqual([0, 'error']);
  });
});

test('the history stays within its limit while entries are removed by hand', () => {
  const store = openStore({ maxHistory: 3 });
  runAll(store, ['a', 'b', 'c']);
  store.deleteHistory(['b']);
  runAll(store, ['d']);
  expect(historyOf(store)).toEqual(['a', 'c', 'd']);
  runAll(store, ['e']);
  expect(historyOf(store)).toEqual(['c', 'd', 'e']);
  close(store);
  expect(historyOf(openStore({ maxHistory: 2 }))).toEqual(['d', 'e']);
});

test('a release in good order is no attempt', () => {
  const store = openStore();
  store.put(newJob('a'));
  for (let stop = 0; stop < 5; stop++) {
    store.take('a');
    store.release('a');
  }
  store.take('a');
  close(store);
  expect(openStore().next()).toBe('a');
});

test('the death of its worker puts a job back, and is remembered; it is no attempt of the server', () => {
  const store = openStore();
  store.put(newJob('a'));
  for (let death = 0; death < 4; death++) {
    expect(store.take('a')!.workerDeaths).toBe(death);
    store.retry('a');
  }
  close(store);
  const again = openStore();
  expect(again.next()).toBe('a');
  expect(again.take('a')!.workerDeaths).toBe(4);
});

test('accepted means kept: a process that is killed -9 while it accepts loses nothing that it acknowledged', async () => {
  const script = join(folder, 'accept.mjs');
  const store = join(import.meta.dirname, '../../../server/queue/sqlite-store.ts');
  writeFileSync(script, acceptForEver(store));
  const child = spawn(process.execPath, ['--import', tsx, script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  const enough = new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (data) => {
      text += data;
      if (text.split('\n').length > 200) resolve();
    });
    child.on('exit', () => reject(new Error(`the child ended early: ${text}`)));
  });
  await enough;
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
  const acknowledged = text.split('\n').slice(0, -1);
  const after = openStore();
  const kept = new Set(after.jobs().jobs.map((job) => job.id));
  expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
  expect(after.nextNumber()).toBeGreaterThanOrEqual(acknowledged.length);
});

/** Accepts jobs with the real store, one line of stdout for each that was accepted. */
const acceptForEver = (store: string): string => `
import { writeSync } from 'node:fs';
const { openJobStore } = await import(${JSON.stringify(store)});
const jobs = openJobStore({ file: process.argv[2] });
for (;;) {
  const number = jobs.nextNumber();
  jobs.put({ promptId: 'p' + number, prompt: { 1: { class_type: 'A', inputs: { text: 'x'.repeat(3000) } } },
    outputsToExecute: ['1'], extraData: {}, number, createTime: Date.now() });
  writeSync(1, 'p' + number + '\\n');
}`;

test('a second server on the same data folder is told so', () => {
  openStore();
  expect(() => openJobStore({ file })).toThrow(/in use by another server/);
});

test('a full disk accepts nothing half, and what is there can still be read', () => {
  const store = openStore({ maxBytes: 120_000 });
  const text = 'x'.repeat(5_000);
  let accepted = 0;
  const fill = () => {
    for (;;) {
      store.put(newJob(`p${accepted}`, { extraData: { text } }));
      accepted++;
    }
  };
  expect(fill).toThrow(StoreError);
  expect(fill).toThrow(/disk is full/);
  expect(store.pendingCount()).toBe(accepted);
  expect(accepted).toBeGreaterThan(3);
  expect(store.deletePending()).toBe(accepted);
  store.put(newJob('fits again'));
});

test('a file that is not a database is named', () => {
  writeFileSync(file, 'this is not a database, but a text that is long enough to be one'.repeat(20));
  expect(() => openJobStore({ file })).toThrow(/damaged or not a database/);
});

test('a database of a newer version is not touched', () => {
  close(openStore());
  const db = openJobDatabase(file);
  db.run('PRAGMA user_version = 99');
  db.close();
  expect(() => openJobStore({ file })).toThrow(/newer version \(schema 99/);
});

test('jobs are filtered, sorted and paged', () => {
  const store = openStore();
  const workflow = (id: unknown) => ({ extra_pnginfo: { workflow: id } });
  store.put(newJob('a', { createTime: 1, extraData: workflow({ id: 'w1' }) }));
  store.put(newJob('b', { createTime: 2, extraData: workflow(null) }));
  store.put(newJob('c', { createTime: 3, extraData: { extra_pnginfo: null } }));
  store.put(newJob('d', { createTime: 4, extraData: workflow({ id: 'w1' }) }));
  const ids = (query = {}) => store.jobs(query).jobs.map((job) => job.id);
  store.take('a');
  store.finish('a', done('a'));
  store.take('d');
  store.finish('d', done('d', { status: 'interrupted' }));
  store.take('c');
  expect(ids()).toEqual(['d', 'c', 'b', 'a']);
  expect(ids({ sortOrder: 'asc', limit: 2, offset: 1 })).toEqual(['b', 'c']);
  expect(ids({ statuses: ['completed', 'cancelled'] })).toEqual(['d', 'a']);
  expect(store.jobs({ statuses: ['pending', 'in_progress'], limit: 1 })).toMatchObject({ total: 2 });
  expect(ids({ workflowId: 'w1' })).toEqual(['d', 'a']);
  expect(ids({ sortBy: 'execution_duration' })[0]).toBe('d');
  expect(store.job('a')).toEqual({
    id: 'a',
    status: 'completed',
    priority: 0,
    create_time: 1,
    workflow_id: 'w1',
    execution_start_time: 10,
    execution_end_time: 25,
    outputs_count: 0,
    previewable_outputs_count: 0,
    outputs: {},
    execution_status: { status_str: 'success', completed: true, messages: done('a').messages },
    workflow: { prompt: newJob('a').prompt, extra_data: workflow({ id: 'w1' }) },
  });
  expect(store.job('nope')).toBeUndefined();
});

test('the preview of a job is its first saved picture, else another, else a text', () => {
  const picture = (filename: string, type: string) => ({ filename, subfolder: '', type });
  const preview = (outputs: JobOutcome['outputs']) => summarise(done('a', { outputs })).preview_output;
  const temp = picture('t.png', 'temp');
  const saved = picture('s.png', 'output');
  expect(preview({})).toBeUndefined();
  expect(preview({ '1': { images: [temp], animated: [true] }, '2': { images: [saved] } })).toEqual({
    ...saved,
    nodeId: '2',
    mediaType: 'images',
  });
  expect(preview({ '1': { text: ['words'] }, '2': { images: [temp] } })).toEqual({
    ...temp,
    nodeId: '2',
    mediaType: 'images',
  });
  expect(preview({ '1': { text: ['a'.repeat(2000)] } })).toEqual({
    content: 'a'.repeat(1024),
    truncated: true,
    nodeId: '1',
    mediaType: 'text',
  });
  expect(preview({ '1': { result: ['mesh.glb'] } })).toEqual({
    filename: 'mesh.glb',
    type: 'output',
    subfolder: '',
    nodeId: '1',
    mediaType: '3d',
  });
  expect(
    summarise(done('a', { outputs: { '1': { images: [saved, temp], animated: [true], numbers: [1] } } })),
  ).toMatchObject({
    outputs_count: 2,
    previewable_outputs_count: 2,
  });
});
