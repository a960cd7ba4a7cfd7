// Accepted jobs, the history and the numbers they get, in a SQLite file: what was accepted outlives the process.

import type { HistoryMessage, Job, JobOutcome } from '../job.ts';
import { parseJson, stringifyJson } from '../json.ts';
import { closeJobDatabase, guarded, inTransaction, type JobDatabase, openJobDatabase, StoreError } from './database.ts';
import { type JobQuery, readHistory, readJob, readJobs, readQueue } from './queries.ts';
import { summarise } from './summary.ts';

/** A job to accept. */
export interface NewJob extends Job {
  readonly number: number;
  /** ms since 1970. */
  readonly createTime: number;
  readonly clientId?: string;
}

export interface TakenJob extends Job {
  readonly clientId: string | undefined;
}

export interface JobStoreOptions {
  readonly file: string;
  /** History entries that are kept; the oldest go first. */
  readonly maxHistory?: number;
  /** How often a job may be running when the server dies before it counts as the cause. */
  readonly maxAttempts?: number;
  /** Limit of the file's size, in bytes; none by default. */
  readonly maxBytes?: number;
}

const MAX_HISTORY = 10_000;
const MAX_ATTEMPTS = 3;

/** Keys of extra_data that only the running node sees: never stored, never shown (2.1). */
const CREDENTIALS = ['auth_token_comfy_org', 'api_key_comfy_org'];

export type JobStore = ReturnType<typeof createJobStore>;

/**
 * Opens the store. Jobs that were running when the last process ended are pending again, unless that happened too often.
 * All methods are synchronous and throw StoreError where the database cannot do it; then nothing has changed.
 */
export function createJobStore(options: JobStoreOptions) {
  const { file, maxHistory = MAX_HISTORY, maxAttempts = MAX_ATTEMPTS, maxBytes } = options;
  const db = openJobDatabase(file);
  const credentials = new Map<string, Record<string, unknown>>();
  const run = <T>(work: () => T): T => guarded(file, () => inTransaction(db, work));
  if (maxBytes !== undefined) limitSize(db, maxBytes);
  let counter = run(
    () => (db.prepare("SELECT value FROM counters WHERE name = 'number'").get() as { value: number }).value,
  );
  const count = (where: string): number =>
    guarded(file, () => (db.prepare(`SELECT count(*) AS n FROM jobs WHERE ${where}`).get() as { n: number }).n);

  const store = {
    /** The number of the next prompt without one; counts on, also where the prompt is refused afterwards (2.1). */
    nextNumber: (): number => counter++,
    has: (promptId: string): boolean =>
      guarded(file, () => db.prepare('SELECT 1 FROM jobs WHERE prompt_id = ?').get(promptId) !== undefined),
    pendingCount: (): number => count("status = 'pending'"),
    /** Pending and running. */
    remaining: (): number => count("status IN ('pending', 'in_progress')"),

    /** Accepts a job: once this returns, it will run. */
    put(job: NewJob): void {
      const kept = Object.fromEntries(Object.entries(job.extraData).filter(([key]) => !CREDENTIALS.includes(key)));
      const secret = Object.fromEntries(Object.entries(job.extraData).filter(([key]) => CREDENTIALS.includes(key)));
      const exact = stringifyJson([job.prompt, kept], { nonFinite: 'keep' });
      const prompt = stringifyJson(job.prompt);
      const extraData = stringifyJson(kept);
      run(() => {
        db.prepare(
          `INSERT INTO jobs (prompt_id, status, number, create_time, client_id, workflow_id, prompt, extra_data,
             outputs_to_execute, exact) VALUES (?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?)`,
        ).run(
          job.promptId,
          job.number,
          job.createTime,
          job.clientId ?? null,
          workflowId(job.extraData) ?? null,
          prompt,
          extraData,
          stringifyJson(job.outputsToExecute),
          exact === `[${prompt},${extraData}]` ? null : exact,
        );
        db.prepare("UPDATE counters SET value = max(value, ?) WHERE name = 'number'").run(counter);
      });
      if (Object.keys(secret).length > 0) credentials.set(job.promptId, secret);
    },

    /** Id of the pending job whose turn it is: the smallest number, ties by prompt id (2.1). */
    next: (): string | undefined =>
      guarded(file, () => {
        const row = db
          .prepare("SELECT prompt_id FROM jobs WHERE status = 'pending' ORDER BY number, prompt_id LIMIT 1")
          .get();
        return (row as { prompt_id: string } | undefined)?.prompt_id;
      }),

    /** Marks a pending job as running and gives it. */
    take: (promptId: string): TakenJob =>
      run(() => {
        db.prepare(
          "UPDATE jobs SET status = 'in_progress', attempts = attempts + 1 WHERE prompt_id = ? AND status = 'pending'",
        ).run(promptId);
        const row = db.prepare('SELECT * FROM jobs WHERE prompt_id = ?').get(promptId) as Row;
        const [prompt, kept] = row.exact
          ? (parseJson(row.exact) as [Job['prompt'], Job['extraData']])
          : [parseJson(row.prompt) as Job['prompt'], parseJson(row.extra_data) as Job['extraData']];
        return {
          promptId,
          prompt,
          outputsToExecute: JSON.parse(row.outputs_to_execute) as string[],
          extraData: { ...kept, ...credentials.get(promptId) },
          clientId: row.client_id ?? undefined,
        };
      }),

    /** Puts a running job back as if it had not been taken: the server is being stopped in good order. */
    release: (promptId: string): void =>
      run(() => {
        db.prepare(
          "UPDATE jobs SET status = 'pending', attempts = attempts - 1 WHERE prompt_id = ? AND status = 'in_progress'",
        ).run(promptId);
      }),

    /**
     * Moves a running job into the history; the oldest entries beyond the limit go. A result that no try could store (too long
     * for SQLite or for a string, no JSON) becomes an error there.
     */
    finish(promptId: string, outcome: JobOutcome): void {
      try {
        run(() => writeOutcome(db, { promptId, outcome, maxHistory }));
      } catch (error) {
        if (!isUnstorable(error)) throw error;
        const message = `What the prompt gave can't be stored: ${(error as Error).message} Let its nodes show less.`;
        const failed = failure(promptId, 'ResultUnstorable', message);
        run(() => writeOutcome(db, { promptId, outcome: failed, maxHistory }));
      }
      credentials.delete(promptId);
    },

    /** Removes pending jobs; without ids all. Gives how many there were. */
    deletePending(promptIds?: readonly string[]): number {
      const removed = run(() => deleteWhere(db, "status = 'pending'", promptIds));
      for (const id of promptIds ?? credentials.keys()) if (!store.has(id)) credentials.delete(id);
      return removed;
    },

    /** Removes entries of the history; without ids all. */
    deleteHistory: (promptIds?: readonly string[]): number =>
      run(() => deleteWhere(db, 'finished_seq IS NOT NULL', promptIds)),

    /** GET /queue as JSON. */
    queueText: (): string => guarded(file, () => readQueue(db)),
    /** GET /history as pieces of JSON; read lazily, entry by entry. */
    historyPieces: (window: { maxItems?: number; offset?: number } = {}) =>
      guardedPieces(file, readHistory(db, window)),
    /** One entry as `{prompt_id: entry}`, or `{}`. */
    historyText: (promptId: string): string => guarded(file, () => [...readHistory(db, { promptId })].join('')),
    jobs: (query: JobQuery = {}) => guarded(file, () => readJobs(db, query)),
    job: (promptId: string) => guarded(file, () => readJob(db, promptId)),
    close: (): void => guarded(file, () => closeJobDatabase(db)),
  };

  try {
    run(() => recover(db, { maxAttempts, maxHistory }));
  } catch (error) {
    closeJobDatabase(db);
    throw error;
  }
  return store;
}

interface Row {
  readonly prompt: string;
  readonly extra_data: string;
  readonly outputs_to_execute: string;
  readonly exact: string | null;
  readonly client_id: string | null;
}

/** Jobs of a process that died: pending again, or failed where they seem to be what kills it. */
function recover(db: JobDatabase, { maxAttempts, maxHistory }: { maxAttempts: number; maxHistory: number }): void {
  const lost = db
    .prepare(
      "SELECT prompt_id, attempts FROM jobs WHERE status = 'in_progress' AND attempts >= ? ORDER BY number, prompt_id",
    )
    .all(maxAttempts) as { prompt_id: string; attempts: number }[];
  for (const { prompt_id: promptId, attempts } of lost) {
    writeOutcome(db, { promptId, outcome: gaveUp(promptId, attempts), maxHistory });
  }
  db.prepare("UPDATE jobs SET status = 'pending' WHERE status = 'in_progress'").run();
}

const gaveUp = (promptId: string, attempts: number): JobOutcome =>
  failure(
    promptId,
    'ServerDied',
    `The server died ${attempts} times while this prompt ran, so it is not tried again. Look at the server's log and memory, then queue it anew.`,
  );

/** The end of a job that no worker has told. */
function failure(promptId: string, type: string, message: string): JobOutcome {
  const timestamp = Date.now();
  const error = {
    prompt_id: promptId,
    node_id: '',
    node_type: '',
    executed: [],
    exception_message: `${message}\n`,
    exception_type: type,
    traceback: [],
    current_inputs: {},
    current_outputs: [],
    timestamp,
  };
  const messages: HistoryMessage[] = [
    ['execution_start', { prompt_id: promptId, timestamp }],
    ['execution_error', error],
  ];
  return { status: 'error', outputs: {}, meta: {}, messages };
}

/** Not for want of room, but by what it is: it would fail however often it is tried. */
function isUnstorable(error: unknown): boolean {
  const { name, code } = ((error as Error).cause ?? {}) as { name?: string; code?: string };
  return name === 'TypeError' || name === 'RangeError' || code === 'SQLITE_TOOBIG';
}

function writeOutcome(
  db: JobDatabase,
  { promptId, outcome, maxHistory }: { promptId: string; outcome: JobOutcome; maxHistory: number },
): void {
  const { status, outputs, meta, messages } = outcome;
  const success = status === 'success';
  const times = messages.map(([, data]) => (data as { timestamp?: number }).timestamp);
  const { value } = db
    .prepare("UPDATE counters SET value = value + 1 WHERE name = 'finished' RETURNING value")
    .get() as { value: number };
  db.prepare(
    `UPDATE jobs SET status = ?, finished_seq = ?, start_time = ?, end_time = ?, outputs = ?, execution_status = ?,
       meta = ?, summary = ?, exact = NULL WHERE prompt_id = ? AND status = 'in_progress'`,
  ).run(
    { success: 'completed', error: 'failed', interrupted: 'cancelled' }[status],
    value,
    times[0] ?? null,
    times.at(-1) ?? null,
    stringifyJson(outputs),
    stringifyJson({ status_str: success ? 'success' : 'error', completed: success, messages }),
    stringifyJson(meta),
    stringifyJson(summarise(outcome)),
    promptId,
  );
  db.prepare(
    `DELETE FROM jobs WHERE finished_seq <= coalesce(
       (SELECT finished_seq FROM jobs WHERE finished_seq IS NOT NULL ORDER BY finished_seq DESC LIMIT 1 OFFSET ?), 0)`,
  ).run(maxHistory);
}

/** Deletes in one statement per id, so that no list is too long for SQLite. */
function deleteWhere(db: JobDatabase, condition: string, promptIds?: readonly string[]): number {
  if (!promptIds) return db.prepare(`DELETE FROM jobs WHERE ${condition}`).run().changes;
  const remove = db.prepare(`DELETE FROM jobs WHERE prompt_id = ? AND ${condition}`);
  return promptIds.reduce((sum, id) => sum + remove.run(id).changes, 0);
}

function* guardedPieces(file: string, pieces: Generator<string>): Generator<string> {
  for (;;) {
    const { done, value } = guarded(file, () => pieces.next());
    if (done) return;
    yield value as string;
  }
}

function limitSize(db: JobDatabase, maxBytes: number): void {
  const [{ page_size: pageSize }] = db.pragma('page_size') as [{ page_size: number }];
  db.pragma(`max_page_count = ${Math.max(1, Math.floor(maxBytes / pageSize))}`);
}

/** `extra_pnginfo.workflow.id`; either may be null (1.2). */
function workflowId(extraData: Readonly<Record<string, unknown>>): string | undefined {
  const info = extraData.extra_pnginfo as { workflow?: { id?: unknown } | null } | null | undefined;
  const id = info?.workflow?.id;
  return typeof id === 'string' ? id : undefined;
}

export { StoreError };
