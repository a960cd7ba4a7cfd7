// Hundreds of damaged databases: checking and recovering them never ends the process, and every loss is named.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { salvage } from '../../../server/queue/salvage.ts';
import { openJobStore } from '../../../server/queue/sqlite-store.ts';
import type { JobStore } from '../../../server/queue/store.ts';
import { random } from '../../helpers/random.ts';

const JOBS = 120;
const FINISHED = 100;
const PAGE_BYTES = 4096;
const ROUNDS = 300;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'damage-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function makeDatabase(file: string): Buffer {
  const store = openJobStore({ file });
  for (let i = 0; i < JOBS; i++) {
    const promptId = `p${i}`;
    const text = `${i} ü `.repeat(i % 10 === 0 ? 3_000 : 300);
    const prompt = { '1': { class_type: 'A', inputs: { text } } };
    store.put({ promptId, prompt, outputsToExecute: ['1'], extraData: {}, number: store.nextNumber(), createTime: i });
    if (i >= FINISHED) continue;
    store.take(promptId);
    store.finish(promptId, { status: 'success', outputs: { '1': { text: [`${i}`] } }, meta: {}, messages: [] });
  }
  store.close();
  return readFileSync(file);
}

/** A page of noise, a run of noise, single bits, or a page of zeros. */
function damage(original: Buffer, kind: number, next: () => number): Buffer {
  const bytes = Buffer.from(original);
  const below = (limit: number) => Math.floor(next() * limit);
  const page = (1 + below(bytes.length / PAGE_BYTES - 1)) * PAGE_BYTES; // the first one holds the schema
  if (kind === 0) for (let i = 0; i < PAGE_BYTES; i++) bytes[page + i] = below(256);
  else if (kind === 1) for (let i = 0; i < 60; i++) bytes[page + i + below(PAGE_BYTES - 60 - i)] = below(256);
  else if (kind === 2)
    for (let i = 0; i < 20; i++) bytes[PAGE_BYTES + below(bytes.length - PAGE_BYTES)] ^= 1 << below(8);
  else bytes.fill(0, page, page + PAGE_BYTES);
  return bytes;
}

function countJobs(store: JobStore): number {
  const { queue_pending } = JSON.parse([...store.queuePieces()].join(''));
  const ended = JSON.parse([...store.historyPieces()].join(''));
  store.jobs();
  return queue_pending.length + Object.keys(ended).length;
}

test('a database with noise, flipped bits or zeros anywhere is sound, or what can be read of it is recovered', () => {
  const original = makeDatabase(join(folder, 'original.sqlite'));
  const next = random(5);
  const states: Record<string, number> = {};
  for (let round = 0; round < ROUNDS; round++) {
    const [file, target] = ['damaged', 'recovered'].map((name) => join(folder, `${name}-${round}.sqlite`));
    writeFileSync(file, damage(original, round % 4, next));
    const report = salvage(file, target);
    states[report.state] = (states[report.state] ?? 0) + 1;
    if (report.state !== 'recovered') continue;
    const store = openJobStore({ file: target });
    const { kept, lost, maybeMore } = report;
    expect([round, countJobs(store)]).toEqual([round, kept]);
    expect([round, maybeMore || kept + lost.length]).toEqual([round, maybeMore || JOBS]);
    expect(kept).toBeGreaterThan(JOBS / 2);
    store.close();
    for (const path of [file, target]) rmSync(path);
  }
  expect(states.recovered).toBeGreaterThan(ROUNDS / 2);
  expect(states.unreadable ?? 0).toBe(0);
});
