// The database of the queue: opened for this process alone, brought to the newest schema; each SQL text is prepared once;
// failures are told in words.
import { isUtf8 } from 'node:buffer';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isAnyArrayBuffer } from 'node:util/types';
import Database from 'libsql';
import { checkMark } from './check-mark.ts';
import { StoreError } from './store.ts';

export type SqlValue = string | number | null;

/**
 * A SQLite file that belongs to this process until it is closed. A SQL text is prepared when it is first used and kept, so
 * texts must be constants of the program: a list of values goes in as one JSON text, which `json_each(?)` unfolds.
 */
export interface JobDatabase {
  /** The first row, or undefined. Throws StoreError, as all methods do: it says what to do. */
  get<Row>(sql: string, ...values: SqlValue[]): Row | undefined;
  all<Row>(sql: string, ...values: SqlValue[]): Row[];
  /** Counts the statements that may have changed something: what is remembered of the rows is as old as this says. */
  readonly writes: number;
  /** Returns how many rows changed. */
  run(sql: string, ...values: SqlValue[]): number;
  /** All of `work` or nothing. What `work` throws is the cause of the StoreError. */
  transaction<T>(work: () => T): T;
  /** The file may not grow beyond this. */
  limitBytes(maxBytes: number): void;
  /** Moves everything into the one file and gives up the lock. Nothing can be read or written afterwards. */
  close(): void;
}

/**
 * How a column of text is selected: as bytes, which `get` and `all` turn into a string, or into null if they are not UTF-8.
 * libsql would end the process at such a text, which only a damaged file holds.
 */
export const text = (...columns: readonly string[]): string =>
  columns.map((column) => `CAST(${column} AS BLOB) AS ${column}`).join(', ');

/** Step n brings a database from version n to n + 1 (PRAGMA user_version). Steps are never changed, only added. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE jobs (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     prompt_id TEXT NOT NULL UNIQUE,
     status TEXT NOT NULL, -- pending, in_progress, completed, failed, cancelled
     number REAL NOT NULL,
     create_time INTEGER NOT NULL,
     client_id TEXT,
     workflow_id TEXT,
     prompt TEXT NOT NULL,
     extra_data TEXT NOT NULL,
     outputs_to_execute TEXT NOT NULL,
     exact TEXT, -- prompt and extra data where they hold NaN or infinities, which JSON has not
     attempts INTEGER NOT NULL DEFAULT 0,
     finished_seq INTEGER UNIQUE, -- order of the history
     start_time INTEGER,
     end_time INTEGER,
     outputs TEXT,
     execution_status TEXT,
     meta TEXT,
     summary TEXT -- what a list of jobs shows of a finished one
   );
   CREATE INDEX jobs_by_turn ON jobs (status, number, prompt_id);
   CREATE INDEX jobs_by_time ON jobs (create_time);
   CREATE INDEX jobs_by_workflow ON jobs (workflow_id, create_time);
   CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
   INSERT INTO counters VALUES ('number', 0), ('finished', 0);`,
  'ALTER TABLE jobs ADD COLUMN worker_deaths INTEGER NOT NULL DEFAULT 0;',
  `CREATE TABLE idempotency_keys (
     scope TEXT NOT NULL, -- jobs, assets
     key TEXT NOT NULL,
     fingerprint TEXT NOT NULL,
     subject TEXT NOT NULL,
     answer TEXT NOT NULL,
     settled INTEGER NOT NULL DEFAULT 0,
     create_time INTEGER NOT NULL,
     UNIQUE (scope, key)
   );
   CREATE INDEX idempotency_keys_by_time ON idempotency_keys (create_time);
   CREATE TABLE assets (
     id TEXT NOT NULL UNIQUE,
     hash TEXT NOT NULL,
     file TEXT NOT NULL,
     size_bytes INTEGER NOT NULL,
     content_type TEXT NOT NULL,
     file_path TEXT NOT NULL,
     create_time INTEGER NOT NULL
   );
   CREATE INDEX assets_by_hash ON assets (hash, file_path);`,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** The log is moved into the file after so many pages (16 MiB): pages that change with each job are then moved once. */
const CHECKPOINT_PAGES = 4_000;

/**
 * Opens or makes the database. synchronous=NORMAL: what was accepted survives a kill -9 of the process; a power cut may
 * cost the last moments but never the file. The exclusive lock keeps a second server from running the same jobs.
 */
export function openJobDatabase(file: string): JobDatabase {
  mkdirSync(dirname(file), { recursive: true });
  return guarded(file, () => {
    const database = new Database(file, { timeout: 1000 });
    try {
      database.pragma('locking_mode = EXCLUSIVE');
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = NORMAL');
      database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      migrate(database, file);
      makePrivate(file);
    } catch (error) {
      database.close();
      throw error;
    }
    return new PreparedDatabase(file, database);
  });
}

/** Prompts are nobody else's business. A file system without such rights, or a file of another account, stays as it is. */
function makePrivate(file: string): void {
  for (const path of [file, `${file}-wal`]) {
    try {
      if (existsSync(path)) chmodSync(path, 0o600);
    } catch {}
  }
}

class PreparedDatabase implements JobDatabase {
  readonly #file: string;
  readonly #database: Database.Database;
  /** SQL → its statement. A statement holds one cursor, so rows are always read to the end at once: never `iterate`. */
  readonly #statements = new Map<string, Database.Statement>();
  #writes = 0;

  constructor(file: string, database: Database.Database) {
    this.#file = file;
    this.#database = database;
  }

  get<Row>(sql: string, ...values: SqlValue[]): Row | undefined {
    return guarded(this.#file, () => decode(this.#prepared(sql).get(values)) as Row | undefined);
  }

  all<Row>(sql: string, ...values: SqlValue[]): Row[] {
    return guarded(this.#file, () => this.#prepared(sql).all(values).map(decode) as Row[]);
  }

  get writes(): number {
    return this.#writes;
  }

  run(sql: string, ...values: SqlValue[]): number {
    this.#writes++;
    return guarded(this.#file, () => this.#prepared(sql).run(values).changes);
  }

  transaction<T>(work: () => T): T {
    return guarded(this.#file, () => inTransaction(this.#database, work));
  }

  limitBytes(maxBytes: number): void {
    const [{ page_size: pageSize }] = this.#database.pragma('page_size') as [{ page_size: number }];
    this.#database.pragma(`max_page_count = ${Math.max(1, Math.floor(maxBytes / pageSize))}`);
  }

  /**
   * libsql keeps the file open until its statements are collected, so the lock is given up by hand: that requires leaving
   * WAL, which also moves everything into the one file.
   */
  close(): void {
    guarded(this.#file, () => {
      try {
        this.#database.pragma('journal_mode = DELETE');
        this.#database.pragma('locking_mode = NORMAL');
        this.#database.prepare('SELECT count(*) FROM sqlite_schema').all(); // the lock goes with the next read
      } finally {
        this.#statements.clear(); // libsql would run them even now
        this.#database.close();
      }
    });
  }

  #prepared(sql: string): Database.Statement {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** libsql gives a Buffer for one row, ArrayBuffers for several; `instanceof` fails for those of another realm. */
const isBytes = (value: unknown): boolean => isAnyArrayBuffer(value) || ArrayBuffer.isView(value);

/** Bytes become text (see `text`). */
function decode(row: unknown): unknown {
  if (typeof row !== 'object' || row === null) return row;
  const values = row as Record<string, unknown>;
  for (const [name, value] of Object.entries(values)) {
    if (!isBytes(value)) continue;
    const bytes = Buffer.from(value as ArrayBuffer);
    values[name] = isUtf8(bytes) ? bytes.toString() : null;
  }
  return values;
}

/** All of `work` or nothing. (libsql's own `transaction` fails when SQLite has already rolled back by itself, as on a full disk.) */
function inTransaction<T>(database: Database.Database, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function migrate(database: Database.Database, file: string): void {
  inTransaction(database, () => {
    const [{ user_version: version }] = database.pragma('user_version') as [{ user_version: number }];
    if (version > MIGRATIONS.length) {
      throw new StoreError(
        `${file} was written by a newer version (schema ${version}, this one knows ${MIGRATIONS.length}): update pez-nodes, or use another data folder.`,
      );
    }
    for (const step of MIGRATIONS.slice(version)) database.exec(step);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  });
}

/** Runs `work`; what SQLite throws becomes a StoreError that says what to do. */
function guarded<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const { code = '', message = String(error) } = error as { code?: string; message?: string };
    if (code.startsWith('SQLITE_CORRUPT')) markDamaged(file);
    throw new StoreError(explain(file, code, message), { cause: error });
  }
}

/** The next start looks closer. */
function markDamaged(file: string): void {
  try {
    writeFileSync(checkMark(file), '');
  } catch {
    // Then it is found when something else of it is read.
  }
}

function explain(file: string, code: string, message: string): string {
  if (code.startsWith('SQLITE_FULL')) return `The disk is full: ${file} cannot grow. Make room and send it again.`;
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return `${file} is in use by another server: stop it, or use another data folder.`;
  }
  if (code.startsWith('SQLITE_READONLY') || code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_PERM')) {
    return `${file} cannot be written: check the permissions of its folder (${message}).`;
  }
  if (code.startsWith('SQLITE_CORRUPT')) {
    return `${file} is damaged: stop the server and start it again, then what can be read is recovered (${message}).`;
  }
  if (code.startsWith('SQLITE_NOTADB')) {
    return `${file} is damaged or not a database: move it away, and a new one is made (${message}).`;
  }
  return `The queue's database ${file} failed: ${message}`;
}
