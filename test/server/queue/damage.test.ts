// Databases as a failing disk leaves them: opening never ends the process; what can be read is recovered, the rest is named.
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { history, queue } from '../../../schemas/history.ts';
import { openJobDatabase } from '../../../server/queue/database.ts';
import { openJobStore } from '../../../server/queue/sqlite-store.ts';
import type { JobStore } from '../../../server/queue/store.ts';
import { random } from '../../helpers/random.ts';

const FINISHED = 60;
const WAITING = 5;
const PAGE_BYTES = 4096;

let folder: string;
let file: string;
let said: string[];
const open: JobStore[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'damage-'));
  file = join(folder, 'queue.sqlite');
  said = [];
});
afterEach(() => {
  for (const store of open.splice(0)) store.close();
  rmSync(folder, { recursive: true });
});

function openStore(path = file): JobStore {
  const store = openJobStore({ file: path, warn: (message) => said.push(message) });
  open.push(store);
  return store;
}
function close(store: JobStore): void {
  open.splice(open.indexOf(store), 1);
  store.close();
}

function fill(store: JobStore): void {
  for (let i = 0; i < FINISHED + WAITING; i++) {
    const promptId = `p${i}`;
    const prompt = { '1': { class_type: 'A', inputs: { text: `${i} `.repeat(800) } } };
    store.put({ promptId, prompt, outputsToExecute: ['1'], extraData: {}, number: store.nextNumber(), createTime: i });
    if (i >= FINISHED) continue;
    store.take(promptId);
    const data = { prompt_id: promptId, timestamp: i };
    store.finish(promptId, {
      status: 'success',
      outputs: { '1': { text: [`result ${i}`] } },
      meta: {},
      messages: [
        ['execution_start', data],
        ['execution_success', data],
      ],
    });
  }
}

/** The files as a server leaves them that is killed before anything changed: main file, write-ahead log with the first page. */
function killedServer(): void {
  const source = join(folder, 'source.sqlite');
  const store = openStore(source);
  fill(store);
  close(store);
  const again = openStore(source);
  for (const end of ['', '-wal']) copyFileSync(source + end, file + end);
  close(again);
}

function overwrite(offset: number, bytes: Uint8Array): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, bytes, 0, bytes.length, offset);
  closeSync(handle);
}

const noise = (length: number, seed: number): Buffer => {
  const next = random(seed);
  return Buffer.from(Array.from({ length }, () => Math.floor(next() * 256)));
};

/** Everything that routes and dispatcher read. */
function readAll(store: JobStore) {
  const waiting = queue.parse(JSON.parse([...store.queuePieces()].join('')));
  const ended = history.parse(JSON.parse([...store.historyPieces()].join('')));
  const { jobs } = store.jobs();
  for (const { id } of jobs) store.job(id);
  return {
    waiting: waiting.queue_pending.map((item) => item[1]),
    ended: Object.keys(ended),
    jobs: jobs.map(({ id }) => id),
  };
}

test('a database that was not closed and is sound is opened without a word', () => {
  killedServer();
  const { waiting, ended, jobs } = readAll(openStore());
  expect([waiting.length, ended.length, jobs.length]).toEqual([WAITING, FINISHED, FINISHED + WAITING]);
  expect(said).toEqual([]);
  expect(
    readdirSync(folder)
      .filter((name) => !name.startsWith('source'))
      .sort(),
  ).toEqual(['queue.sqlite', 'queue.sqlite-wal']);
});

test('where the last page is overwritten, the rest is recovered, both files are named, and so is what is missing', () => {
  killedServer();
  const size = statSync(file).size;
  overwrite(size - PAGE_BYTES, noise(PAGE_BYTES, 1));
  const lastPage = readFileSync(file).subarray(-PAGE_BYTES);
  const store = openStore();
  const { waiting, ended, jobs } = readAll(store);
  expect(said).toHaveLength(1);
  const [, kept] = /(\d+) prompts could be read/.exec(said[0]) ?? [];
  expect(said[0]).toContain(`${file} was damaged`);
  expect(said[0]).toContain(`kept as ${file}.damaged-1.`);
  expect(readFileSync(`${file}.damaged-1`).subarray(-PAGE_BYTES).equals(lastPage)).toBe(true);
  expect(jobs).toHaveLength(Number(kept));
  expect(waiting.length + ended.length).toBe(Number(kept));
  const all = Array.from({ length: FINISHED + WAITING }, (_, i) => `p${i}`);
  const lost = all.filter((id) => !jobs.includes(id));
  expect(lost.length).toBeGreaterThan(0);
  expect(lost.length).toBeLessThan(5);
  for (const id of lost) expect(said[0]).toMatch(new RegExp(`missing are .*\\b${id}\\b`));
  expect(store.nextNumber()).toBe(FINISHED + WAITING);
  useAgain(store);
  close(store);
  openStore();
  expect(said).toHaveLength(1);
});

/** The recovered store works like any other. */
function useAgain(store: JobStore): void {
  store.put({ promptId: 'new', prompt: {}, outputsToExecute: [], extraData: {}, number: -1, createTime: 0 });
  expect(store.next()).toBe('new');
  store.take('new');
  store.finish('new', { status: 'success', outputs: {}, meta: {}, messages: [] });
  expect(Object.keys(JSON.parse([...store.historyPieces()].join(''))).at(-1)).toBe('new');
}

test('a first page that is lost, or a file that is none: it is not opened, and stays as it is', () => {
  killedServer();
  writeFileSync(`${file}-wal`, '');
  overwrite(0, noise(PAGE_BYTES, 4));
  const before = readFileSync(file);
  expect(() => openJobStore({ file })).toThrow(/damaged or not a database/);
  expect(readFileSync(file).equals(before)).toBe(true);
});

test.each(['is missing', 'is empty'])(
  'a write-ahead log whose main file %s is kept under another name, and that is said',
  (how) => {
    killedServer();
    const log = readFileSync(`${file}-wal`);
    if (how === 'is missing') rmSync(file);
    else truncateSync(file, 0);
    const store = openStore();
    expect(store.remaining()).toBe(0);
    expect(said).toEqual([expect.stringContaining(`${file} ${how}`)]);
    expect(said[0]).toContain(`kept as ${file}-wal.damaged-1.`);
    expect(readFileSync(`${file}-wal.damaged-1`).equals(log)).toBe(true);
  },
);

/** Changes rows behind the store's back, as a fault of the disk does that leaves the structure whole. */
function change(sql: string): void {
  const db = new Database(file);
  db.exec(sql);
  db.close();
}

test('a text that is not UTF-8, or half a JSON, hides no other prompt, whatever reads it', () => {
  const store = openStore();
  fill(store);
  close(store);
  change("UPDATE jobs SET prompt = CAST(x'7b80ff7d' AS TEXT), summary = CAST(x'7bff' AS TEXT) WHERE prompt_id = 'p1'");
  change(`UPDATE jobs SET outputs = '{"1":{"te', summary = '{"outputs_co' WHERE prompt_id = 'p2'`);
  change("UPDATE jobs SET outputs = '{\"1\":{\"te' || char(0, 0, 0) || '}' WHERE prompt_id = 'p3'");
  const { waiting, ended, jobs } = readAll(openStore());
  expect([waiting.length, jobs.length]).toEqual([WAITING, FINISHED + WAITING]);
  expect(ended).toHaveLength(FINISHED - 3);
});

test('a prompt that waits and can not be read is failed, with its reason, and the next one is taken', () => {
  const store = openStore();
  fill(store);
  close(store);
  change("UPDATE jobs SET prompt = CAST(x'7bff7d' AS TEXT) WHERE prompt_id = 'p60'");
  change(`UPDATE jobs SET extra_data = '{"client' WHERE prompt_id = 'p61'`);
  const again = openStore();
  for (const id of ['p60', 'p61']) {
    expect(again.next()).toBe(id);
    expect(again.take(id)).toBeUndefined();
    const { status } = history.parse(JSON.parse(again.historyText(id)))[id];
    expect(status.messages[1]).toMatchObject(['execution_error', { exception_type: 'PromptUnreadable' }]);
  }
  expect(again.take('p62')).toMatchObject({ promptId: 'p62' });
});

test('damage that is found while the database is open is mended at the next start, even after a stop in good order', () => {
  const store = openStore();
  fill(store);
  close(store);
  overwrite(statSync(file).size - PAGE_BYTES, noise(PAGE_BYTES, 2));
  const bad = openStore();
  expect(said).toEqual([]);
  expect(() => [...bad.historyPieces(), ...bad.queuePieces(), bad.jobs()]).toThrow(
    /is damaged: stop the server and start it again/,
  );
  close(bad);
  expect(existsSync(`${file}-damaged`)).toBe(true);
  readAll(openStore());
  expect(said).toEqual([expect.stringMatching(/was damaged/)]);
  expect(existsSync(`${file}-damaged`)).toBe(false);
});

test('a database of the first version is brought to the newest, and its jobs go on', () => {
  const store = openStore();
  fill(store);
  close(store);
  change(
    'DROP TABLE assets; DROP TABLE idempotency_keys; ALTER TABLE jobs DROP COLUMN worker_deaths; PRAGMA user_version = 1',
  );
  const again = openStore();
  expect(again.take('p60')).toMatchObject({ workerDeaths: 0 });
  close(again);
  const db = openJobDatabase(file);
  expect(db.get('PRAGMA user_version')).toMatchObject({ user_version: 3 });
  db.close();
});
