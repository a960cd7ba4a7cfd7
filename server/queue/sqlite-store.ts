// The store of jobs in a SQLite file: what was accepted outlives the process. What API v2 keeps is in the same file.
import type { UiOutput } from '../../schemas/events.ts';
import type { JobDetail, JobSummary } from '../../schemas/jobs.ts';
import type { JobOutcome } from '../job.ts';
import { stringifyJson } from '../json.ts';
import type { AssetRecords } from './asset-records.ts';
import { checkBeforeOpen } from './check-before-open.ts';
import { type JobDatabase, openJobDatabase, text } from './database.ts';
import { promptUnreadable, resultUnstorable, serverDied, withdrawn } from './failures.ts';
import type { IdempotencyKeys } from './idempotency-keys.ts';
import { fromRow, splitCredentials, TAKEN, type TakenRow, toRow, workflowId } from './job-row.ts';
import { readHistory, readJob, readJobs, readOutputs, readPlace, readQueue } from './queries.ts';
import { createSqliteAssets } from './sqlite-assets.ts';
import { createSqliteKeys } from './sqlite-keys.ts';
import type { HistoryWindow, JobPlace, JobQuery, JobStore, NewJob, TakenJob } from './store.ts';
import { summarise } from './summary.ts';

export interface JobStoreOptions {
  readonly file: string;
  /** History entries that are kept; the oldest go first. */
  readonly maxHistory?: number;
  /** How often a job may be running when the server dies before it counts as the cause. */
  readonly maxAttempts?: number;
  /** Limit of the file's size, in bytes; none by default. */
  readonly maxBytes?: number;
  /** What was wrong with the file, and what was done about it. */
  readonly warn?: (message: string) => void;
}

const MAX_HISTORY = 10_000;
const MAX_ATTEMPTS = 3;

/**
 * Opens the store. After a server that did not close it the file is checked; if it is damaged, what can be read of it is
 * recovered into a new one. Jobs that were running when the last process ended are pending again, unless that happened too often.
 * Throws StoreError when the file is in use, damaged or cannot be written.
 */
export const openJobStore = (options: JobStoreOptions): JobStore => openStores(options).jobs;

/** What one file holds. Closing the jobs closes all of it. */
export interface Stores {
  readonly jobs: JobStore;
  readonly keys: IdempotencyKeys;
  readonly assets: AssetRecords;
}

/** As openJobStore, with the other tables of the file. */
export function openStores({
  file,
  maxHistory = MAX_HISTORY,
  maxAttempts = MAX_ATTEMPTS,
  maxBytes,
  warn = () => undefined,
}: JobStoreOptions): Stores {
  for (const message of checkBeforeOpen(file)) warn(message);
  const db = openJobDatabase(file);
  try {
    if (maxBytes !== undefined) db.limitBytes(maxBytes);
    const jobs = new SqliteJobStore(db, { maxHistory, maxAttempts });
    return { jobs, keys: createSqliteKeys(db), assets: createSqliteAssets(db) };
  } catch (error) {
    db.close();
    throw error;
  }
}

/** How many jobs there are of each kind. */
interface Counts {
  readonly pending: number;
  readonly running: number;
  readonly finished: number;
}

/** A taken job that runs longer than this is marked as running in the file. */
const MARK_AFTER_MS = 20;

class SqliteJobStore implements JobStore {
  readonly #database: JobDatabase;
  readonly #maxHistory: number;
  /** The job that was taken last, until the file says that it runs: most are finished before, in one write. */
  #unmarked: string | undefined;
  #markTimer: NodeJS.Timeout | undefined;
  /** Counted, and kept up to date by what happens to each job; `writes`: of the database, then. */
  #counted: (Counts & { readonly writes: number }) | undefined;
  /** Prompt id → its credentials, for as long as it is pending or running. */
  readonly #credentials = new Map<string, Record<string, unknown>>();
  #nextNumber: number;

  constructor(db: JobDatabase, { maxHistory, maxAttempts }: { maxHistory: number; maxAttempts: number }) {
    this.#database = db;
    this.#maxHistory = maxHistory;
    this.#nextNumber = db.get<{ value: number }>("SELECT value FROM counters WHERE name = 'number'")!.value;
    db.transaction(() => this.#recover(maxAttempts));
  }

  /** For whatever is about more than the job at hand: the taken job is marked first. */
  get #db(): JobDatabase {
    this.#mark();
    return this.#database;
  }

  nextNumber(): number {
    return this.#nextNumber++;
  }

  has(promptId: string): boolean {
    return this.#database.get('SELECT 1 FROM jobs WHERE prompt_id = ?', promptId) !== undefined;
  }

  pendingCount(): number {
    return this.#count().pending;
  }

  remaining(): number {
    const { pending, running } = this.#count();
    return pending + running;
  }

  put(job: NewJob): void {
    const { kept, secret } = splitCredentials(job.extraData);
    const row = toRow(job, kept);
    const counts = this.#count();
    this.#database.transaction(() => {
      this.#database.run(
        `INSERT INTO jobs (prompt_id, status, number, create_time, client_id, workflow_id, prompt, extra_data,
           outputs_to_execute, exact) VALUES (?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[job.promptId, job.number, job.createTime, row.client_id, workflowId(job.extraData) ?? null],
        ...[row.prompt, row.extra_data, row.outputs_to_execute, row.exact],
      );
      this.#database.run("UPDATE counters SET value = max(value, ?) WHERE name = 'number'", this.#nextNumber);
    });
    this.#noteCounts({ ...counts, pending: counts.pending + 1 });
    if (Object.keys(secret).length > 0) this.#credentials.set(job.promptId, secret);
  }

  next(): string | undefined {
    return this.#db.get<{ prompt_id: string }>(
      `SELECT ${text('prompt_id')} FROM jobs WHERE status = 'pending' ORDER BY number, jobs.prompt_id LIMIT 1`,
    )?.prompt_id;
  }

  take(promptId: string): TakenJob | undefined {
    const job = this.#readPending(promptId);
    if (!job) return undefined;
    const { pending, running, finished } = this.#count();
    this.#unmarked = promptId;
    this.#markTimer = setTimeout(() => this.#tryToMark(), MARK_AFTER_MS).unref();
    this.#noteCounts({ pending: pending - 1, running: running + 1, finished });
    return job;
  }

  release(promptId: string): void {
    if (this.#unmarked === promptId) {
      const { pending, running, finished } = this.#count();
      this.#forgetUnmarked();
      this.#noteCounts({ pending: pending + 1, running: running - 1, finished });
      return;
    }
    this.#db.transaction(() =>
      this.#db.run(
        "UPDATE jobs SET status = 'pending', attempts = attempts - 1 WHERE prompt_id = ? AND status = 'in_progress'",
        promptId,
      ),
    );
  }

  retry(promptId: string): void {
    this.#db.transaction(() =>
      this.#db.run(
        `UPDATE jobs SET status = 'pending', attempts = attempts - 1, worker_deaths = worker_deaths + 1
         WHERE prompt_id = ? AND status = 'in_progress'`,
        promptId,
      ),
    );
  }

  finish(promptId: string, outcome: JobOutcome): void {
    try {
      this.#writeFinish(promptId, outcome);
    } catch (error) {
      if (!isUnstorable(error)) throw error;
      this.#writeFinish(promptId, resultUnstorable(promptId, (error as Error).message));
    }
    this.#credentials.delete(promptId);
  }

  withdraw(promptId: string): boolean {
    if (this.place(promptId)?.status !== 'pending') return false;
    if (this.take(promptId)) this.finish(promptId, withdrawn(promptId));
    return true;
  }

  deletePending(promptIds?: readonly string[]): number {
    const removed = this.#delete("status = 'pending'", promptIds);
    for (const id of promptIds ?? this.#credentials.keys()) if (!this.has(id)) this.#credentials.delete(id);
    return removed;
  }

  deleteHistory(promptIds?: readonly string[]): number {
    return this.#delete('finished_seq IS NOT NULL', promptIds);
  }

  queuePieces(): IterableIterator<string> {
    return readQueue(this.#toRead());
  }

  historyPieces(window: HistoryWindow = {}): IterableIterator<string> {
    return readHistory(this.#toRead(), window);
  }

  recentOutputs(maxItems: number): Readonly<Record<string, UiOutput>>[] {
    return readOutputs(this.#toRead(), maxItems);
  }

  historyText(promptId: string): string {
    return [...readHistory(this.#toRead(), { promptId })].join('');
  }

  jobs(query: JobQuery = {}): { jobs: JobSummary[]; total: number } {
    return readJobs(this.#toRead(), query);
  }

  job(promptId: string): JobDetail | undefined {
    return readJob(this.#toRead(), promptId);
  }

  place(promptId: string): JobPlace | undefined {
    return readPlace(this.#toRead(), promptId);
  }

  close(): void {
    this.#tryToMark();
    this.#forgetUnmarked();
    this.#database.close();
  }

  /** One whose text was damaged on the disk can't run and must not stand in the way of others: it fails. */
  #readPending(promptId: string): TakenJob | undefined {
    const row = this.#db.get<TakenRow>(TAKEN, promptId)!;
    try {
      return fromRow(promptId, row, this.#credentials.get(promptId));
    } catch (error) {
      this.#db.transaction(() => {
        const readable =
          "UPDATE jobs SET prompt = '{}', extra_data = '{}', outputs_to_execute = '[]' WHERE prompt_id = ?";
        this.#database.run(readable, promptId);
        this.#writeOutcome(promptId, promptUnreadable(promptId, (error as Error).message));
      });
      return undefined;
    }
  }

  /** Writes that the taken job runs; if the server dies from now on, that counts as an attempt. Throws StoreError. */
  #mark(): void {
    if (this.#unmarked === undefined) return;
    const counts = this.#count();
    this.#database.run(
      "UPDATE jobs SET status = 'in_progress', attempts = attempts + 1 WHERE prompt_id = ? AND status = 'pending'",
      this.#unmarked,
    );
    this.#forgetUnmarked();
    this.#noteCounts(counts);
  }

  /** On a full disk the job stays unmarked: the next write says so, and what can be read is read. */
  #tryToMark(): void {
    try {
      this.#mark();
    } catch {
      clearTimeout(this.#markTimer);
    }
  }

  #forgetUnmarked(): void {
    this.#unmarked = undefined;
    clearTimeout(this.#markTimer);
  }

  #toRead(): JobDatabase {
    this.#tryToMark();
    return this.#database;
  }

  /** Counts again only after writes that did not note what they change. */
  #count(): Counts {
    if (this.#counted?.writes === this.#database.writes) return this.#counted;
    const rows = this.#database.all<{ status: string; n: number }>(
      `SELECT ${text('status')}, count(*) AS n FROM jobs GROUP BY jobs.status`,
    );
    const of = (...kinds: string[]) => rows.reduce((sum, { status, n }) => sum + (kinds.includes(status) ? n : 0), 0);
    const unmarked = this.#unmarked === undefined ? 0 : 1;
    const counts = {
      pending: of('pending') - unmarked,
      running: of('in_progress') + unmarked,
      finished: of('completed', 'failed', 'cancelled'),
    };
    this.#noteCounts(counts);
    return counts;
  }

  #noteCounts({ pending, running, finished }: Counts): void {
    this.#counted = { pending, running, finished, writes: this.#database.writes };
  }

  /** In one step: it ran (if the file did not say so yet), it has ended, and the oldest entries go. */
  #writeFinish(promptId: string, outcome: JobOutcome): void {
    if (this.#unmarked !== promptId) this.#mark();
    const { pending, running, finished } = this.#count();
    const removed = this.#database.transaction(() => {
      this.#writeOutcome(promptId, outcome);
      return finished < this.#maxHistory ? 0 : this.#trimHistory();
    });
    this.#forgetUnmarked();
    this.#noteCounts({ pending, running: running - 1, finished: finished + 1 - removed });
  }

  /** Jobs of a process that died: pending again, or failed if they seem to be what kills it. */
  #recover(maxAttempts: number): void {
    const lost = this.#database.all<{ prompt_id: string; attempts: number }>(
      `SELECT ${text('prompt_id')}, attempts FROM jobs WHERE status = 'in_progress' AND attempts >= ?
       ORDER BY number, jobs.prompt_id`,
      maxAttempts,
    );
    for (const { prompt_id: promptId, attempts } of lost) this.#writeOutcome(promptId, serverDied(promptId, attempts));
    this.#database.run("UPDATE jobs SET status = 'pending' WHERE status = 'in_progress'");
    this.#trimHistory();
  }

  #writeOutcome(promptId: string, outcome: JobOutcome): void {
    const { status, outputs, meta, messages } = outcome;
    const success = status === 'success';
    const times = messages.map(([, data]) => (data as { timestamp?: number }).timestamp);
    const { value: finishedSeq } = this.#database.get<{ value: number }>(
      "UPDATE counters SET value = value + 1 WHERE name = 'finished' RETURNING value",
    )!;
    this.#database.run(
      `UPDATE jobs SET status = ?, finished_seq = ?, start_time = ?, end_time = ?, outputs = ?, execution_status = ?,
         meta = ?, summary = ?, exact = NULL WHERE prompt_id = ? AND finished_seq IS NULL`,
      { success: 'completed', error: 'failed', interrupted: 'cancelled' }[status],
      ...[finishedSeq, times[0] ?? null, times.at(-1) ?? null],
      stringifyJson(outputs),
      stringifyJson({ status_str: success ? 'success' : 'error', completed: success, messages }),
      stringifyJson(meta),
      stringifyJson(summarise(outcome)),
      promptId,
    );
  }

  /** Returns how many entries it removed. */
  #trimHistory(): number {
    return this.#database.run(
      `DELETE FROM jobs WHERE finished_seq <= coalesce(
         (SELECT finished_seq FROM jobs WHERE finished_seq IS NOT NULL ORDER BY finished_seq DESC LIMIT 1 OFFSET ?), 0)`,
      this.#maxHistory,
    );
  }

  /** One statement per id, so that no list is too long for SQLite. */
  #delete(condition: string, promptIds?: readonly string[]): number {
    return this.#db.transaction(() => {
      if (!promptIds) return this.#db.run(`DELETE FROM jobs WHERE ${condition}`);
      const sql = `DELETE FROM jobs WHERE prompt_id = ? AND ${condition}`;
      return promptIds.reduce((sum, id) => sum + this.#db.run(sql, id), 0);
    });
  }
}

/** Not for want of room, but by what it is: it would fail however often it is tried. */
function isUnstorable(error: unknown): boolean {
  const { name, code } = ((error as Error).cause ?? {}) as { name?: string; code?: string };
  return name === 'TypeError' || name === 'RangeError' || code === 'SQLITE_TOOBIG';
}
