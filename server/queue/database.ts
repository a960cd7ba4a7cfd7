// The database of the queue: opened for this process alone, brought to the newest schema, its failures in words.
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';

export type JobDatabase = Database.Database;

/** The queue cannot be read or written now; nothing of what was asked was done. */
export class StoreError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
  }
}

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
];

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
      migrate(database, file);
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  });
}

/**
 * Closes the database. libsql keeps the file open until its statements are collected, so the lock is given up by hand: that
 * takes leaving WAL, which also brings everything into the one file.
 */
export function closeJobDatabase(database: JobDatabase): void {
  try {
    database.pragma('journal_mode = DELETE');
    database.pragma('locking_mode = NORMAL');
    database.prepare('SELECT count(*) FROM sqlite_schema').all(); // the lock goes with the next read
  } finally {
    database.close();
  }
}

/** All of `work` or nothing. (libsql's own `transaction` fails where SQLite has rolled back by itself, as on a full disk.) */
export function inTransaction<T>(database: JobDatabase, work: () => T): T {
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

function migrate(database: JobDatabase, file: string): void {
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
export function guarded<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const { code = '', message = String(error) } = error as { code?: string; message?: string };
    throw new StoreError(explain(file, code, message), { cause: error });
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
  if (code.startsWith('SQLITE_NOTADB') || code.startsWith('SQLITE_CORRUPT')) {
    return `${file} is damaged or no database: move it away, and a new one is made (${message}).`;
  }
  return `The queue's database ${file} failed: ${message}`;
}
