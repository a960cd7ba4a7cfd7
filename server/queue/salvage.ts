// A database of jobs that may be damaged → what is wrong with it; if anything is, what can be read, in a new file.
// It runs in a process of its own (salvage-main.ts), because reading a damaged file may end the process.
import { isUtf8 } from 'node:buffer';
import Database from 'libsql';
import { parseJson } from '../json.ts';
import { type JobDatabase, openJobDatabase, SCHEMA_VERSION } from './database.ts';

export type SalvageReport =
  /** Nothing is wrong, or another server holds the file, or a newer version wrote it: opening it says the rest. */
  | { readonly state: 'sound' }
  /** Not even its tables can be read. */
  | { readonly state: 'unreadable'; readonly reason: string }
  | {
      readonly state: 'recovered';
      /** The first thing that is wrong. */
      readonly problem: string;
      /** Jobs that are in the new file. */
      readonly kept: number;
      /** Jobs that are not. */
      readonly lost: readonly LostJob[];
      /** The list of jobs is damaged, too: more may be lost than `lost` names. */
      readonly maybeMore: boolean;
    };

export interface LostJob {
  /** undefined: it can't be read. */
  readonly promptId: string | undefined;
  readonly waited: boolean;
}

const TEXTS = ['prompt_id', 'status', 'client_id', 'workflow_id'];
/** Must be JSON wherever they are. */
const JSON_TEXTS = [
  ...['prompt', 'extra_data', 'outputs_to_execute', 'exact'],
  ...['outputs', 'execution_status', 'meta', 'summary'],
];
const NUMBERS = ['seq', 'number', 'create_time', 'attempts', 'finished_seq', 'start_time', 'end_time', 'worker_deaths'];
const REQUIRED = ['prompt_id', 'status', 'prompt', 'extra_data', 'outputs_to_execute', 'seq', 'number', 'create_time'];
const STATUSES = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'];
/** What a finished job has at least: the schema itself may have lost the name of a column. */
const SHOWN_NOTHING = {
  outputs: '{}',
  meta: '{}',
  execution_status: '{"status_str":"error","completed":false,"messages":[]}',
};
const OTHER_TABLES: Readonly<Record<string, { texts: readonly string[]; numbers: readonly string[] }>> = {
  assets: { texts: ['id', 'hash', 'file', 'content_type', 'file_path'], numbers: ['size_bytes', 'create_time'] },
  idempotency_keys: {
    texts: ['scope', 'key', 'fingerprint', 'subject', 'answer'],
    numbers: ['settled', 'create_time'],
  },
};
/** Rows that are looked for one by one at most, beside those that an index names. */
const MAX_PROBES = 2_000_000;

type Row = Record<string, number | string>;
type RawRow = Record<string, number | ArrayBuffer | null>;

/** Checks `file`; if anything is wrong with it, writes what can be read into `target`, which must not exist. */
export function salvage(file: string, target: string): SalvageReport {
  try {
    const damaged = new DamagedDatabase(file);
    if (damaged.version > SCHEMA_VERSION) return { state: 'sound' };
    const problem = damaged.findProblem();
    return problem === undefined ? { state: 'sound' } : recover(damaged, problem, target);
  } catch (error) {
    const { code = '', message } = error as { code?: string; message: string };
    if (/^SQLITE_(BUSY|LOCKED|CANTOPEN|READONLY|PERM|FULL)/.test(code)) return { state: 'sound' };
    return { state: 'unreadable', reason: message };
  }
}

function recover(damaged: DamagedDatabase, problem: string, target: string): SalvageReport {
  const { entries, complete } = damaged.listJobs();
  const known = new Map(entries.map((entry) => [entry.seq, entry]));
  const lost: LostJob[] = [];
  let kept = 0;
  const copy = openJobDatabase(target);
  copy.transaction(() => {
    for (const seq of damaged.probes(known)) {
      const row = damaged.read(seq);
      const entry = known.get(seq);
      if (row && insert(copy, row)) kept++;
      else if (entry) lost.push({ promptId: entry.promptId, waited: entry.waited });
    }
    copyCounters(damaged, copy);
    for (const table of Object.keys(OTHER_TABLES)) {
      for (const row of damaged.rowsOf(table)) insertInto(copy, table, row);
    }
  });
  copy.close();
  return { state: 'recovered', problem, kept, lost, maybeMore: !complete };
}

/** False if another row has the same id, by a fault of the disk. */
const insert = (copy: JobDatabase, row: Row): boolean => insertInto(copy, 'jobs', row);

function insertInto(copy: JobDatabase, table: string, row: Row): boolean {
  const columns = Object.keys(row).join(', ');
  const places = Object.keys(row)
    .map(() => '?')
    .join(', ');
  return copy.run(`INSERT OR IGNORE INTO ${table} (${columns}) VALUES (${places})`, ...Object.values(row)) > 0;
}

/** Both go on above everything that was used. */
function copyCounters(damaged: DamagedDatabase, copy: JobDatabase): void {
  const raise = 'UPDATE counters SET value = max(value, ?) WHERE name = ?';
  for (const [name, value] of damaged.counters()) copy.run(raise, value, name);
  copy.run(
    `UPDATE counters SET value = max(value, (SELECT coalesce(max(number), -1) + 1 FROM jobs)) WHERE name = 'number'`,
  );
  copy.run(
    `UPDATE counters SET value = max(value, (SELECT coalesce(max(finished_seq), 0) FROM jobs)) WHERE name = 'finished'`,
  );
}

interface JobEntry extends LostJob {
  readonly seq: number;
}

/** Reads what it can; texts only as bytes, since libsql ends the process at one that is not UTF-8. */
class DamagedDatabase {
  readonly version: number;
  readonly #database: Database.Database;
  readonly #columns: readonly string[];

  /** Throws what SQLite throws, if the file is no database or its schema can't be read. */
  constructor(file: string) {
    this.#database = new Database(file, { timeout: 0 });
    this.#database.pragma('locking_mode = EXCLUSIVE');
    const [{ user_version: version }] = this.#database.pragma('user_version') as [{ user_version: number }];
    this.version = version;
    const all = [...TEXTS, ...JSON_TEXTS, ...NUMBERS];
    const there = this.#all('SELECT CAST(name AS BLOB) AS name FROM pragma_table_info(?)', 'jobs').map(({ name }) =>
      toText(name),
    );
    this.#columns = all.filter((name) => there.includes(name));
    if (version > 0 && this.#columns.length === 0) throw new Error('it has no table of jobs');
  }

  /** The first thing that is wrong, or undefined. */
  findProblem(): string | undefined {
    try {
      const [{ message }] = this.#all('SELECT CAST(integrity_check AS BLOB) AS message FROM pragma_integrity_check(1)');
      if (toText(message) !== 'ok') return toText(message);
      if (this.#columns.length === 0) return undefined; // nothing was made in it yet
      const PAGE = 200;
      for (let after = Number.MIN_SAFE_INTEGER; ; ) {
        const rows = this.#all(`SELECT ${this.#selected()} FROM jobs WHERE seq > ? ORDER BY seq LIMIT ${PAGE}`, after);
        const bad = rows.find((row) => toRow(row) === undefined);
        if (bad) return `row ${bad.seq} of the jobs can't be read`;
        if (rows.length < PAGE) return undefined;
        after = rows.at(-1)!.seq as number;
      }
    } catch (error) {
      if (!isDamage(error)) throw error;
      return (error as Error).message;
    }
  }

  /** Every job, as an index names it. */
  listJobs(): { entries: JobEntry[]; complete: boolean } {
    const entries: JobEntry[] = [];
    const sql =
      'SELECT seq, CAST(prompt_id AS BLOB) AS id, CAST(status AS BLOB) AS state FROM jobs INDEXED BY jobs_by_turn';
    try {
      for (const { seq, id, state } of this.#database.prepare(sql).iterate([]) as IterableIterator<RawRow>) {
        entries.push({
          seq: seq as number,
          promptId: toText(id),
          waited: /^(pending|in_progress)$/.test(toText(state) ?? ''),
        });
      }
      return { entries, complete: true };
    } catch {
      return { entries, complete: false };
    }
  }

  /** The numbers of all rows that may be there, in order. */
  probes(known: ReadonlyMap<number, unknown>): number[] {
    const seqs = new Set(known.keys());
    for (const order of ['ASC', 'DESC']) {
      try {
        const rows = this.#database.prepare(`SELECT seq FROM jobs NOT INDEXED ORDER BY seq ${order}`).iterate([]);
        for (const { seq } of rows as IterableIterator<{ seq: number }>) seqs.add(seq);
      } catch {
        // Up to here; the other direction reads the rest.
      }
    }
    const sorted = [...seqs].sort((a, b) => a - b);
    const [first, last] = [sorted[0] ?? 0, sorted.at(-1) ?? -1];
    if (last - first >= MAX_PROBES) return sorted;
    return Array.from({ length: last - first + 1 }, (_, i) => first + i); // rows between two damaged places
  }

  /** A whole row, or undefined if it is not there or damaged. */
  read(seq: number): Row | undefined {
    try {
      const [row] = this.#all(`SELECT ${this.#selected()} FROM jobs NOT INDEXED WHERE seq = ?`, seq);
      return row && toRow(row);
    } catch {
      return undefined;
    }
  }

  /** The rows of a table of API v2 that can be read: an asset that is lost is uploaded again, a key protects no more. */
  rowsOf(table: string): Row[] {
    const { texts, numbers } = OTHER_TABLES[table];
    const selected = [...numbers, ...texts.map((name) => `CAST(${name} AS BLOB) AS ${name}`)].join(', ');
    const rows: Row[] = [];
    try {
      const raws = this.#database.prepare(`SELECT ${selected} FROM ${table} NOT INDEXED`).iterate([]);
      for (const raw of raws as IterableIterator<RawRow>) {
        const entries = Object.entries(raw).map(([name, value]) => [
          name,
          numbers.includes(name) ? value : toText(value),
        ]);
        if (entries.every(([, value]) => typeof value === 'string' || typeof value === 'number'))
          rows.push(Object.fromEntries(entries) as Row);
      }
    } catch {
      // Up to here; or a file from before there were such tables.
    }
    return rows;
  }

  counters(): [name: string, value: number][] {
    try {
      const rows = this.#all('SELECT CAST(name AS BLOB) AS name, value FROM counters');
      return rows
        .filter(({ value }) => Number.isSafeInteger(value))
        .map(({ name, value }) => [toText(name) ?? '', value as number]);
    } catch {
      return [];
    }
  }

  #selected(): string {
    return this.#columns.map((name) => (NUMBERS.includes(name) ? name : `CAST(${name} AS BLOB) AS ${name}`)).join(', ');
  }

  #all(sql: string, ...values: (string | number)[]): RawRow[] {
    return this.#database.prepare(sql).all(values) as RawRow[];
  }
}

const isDamage = (error: unknown): boolean =>
  /^SQLITE_(CORRUPT|NOTADB|IOERR)/.test((error as { code?: string }).code ?? '');

/** undefined: not there, or not UTF-8. */
function toText(value: RawRow[string] | undefined): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const bytes = Buffer.from(value);
  return isUtf8(bytes) ? bytes.toString() : undefined;
}

/** The row as it was written; undefined if a value can't have been written so. */
function toRow(raw: RawRow): Row | undefined {
  const row: Row = {};
  for (const [name, value] of Object.entries(raw)) {
    if (value === null) continue;
    const read = NUMBERS.includes(name) && typeof value === 'number' ? value : toText(value);
    if (read === undefined || (JSON_TEXTS.includes(name) && !isJson(read))) return undefined;
    row[name] = read;
  }
  const { status, finished_seq: finishedSeq } = row;
  if (!STATUSES.includes(status as string) || REQUIRED.some((name) => row[name] === undefined)) return undefined;
  return finishedSeq === undefined ? row : { ...SHOWN_NOTHING, ...row };
}

function isJson(text: unknown): boolean {
  try {
    const value = parseJson(String(text));
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}
