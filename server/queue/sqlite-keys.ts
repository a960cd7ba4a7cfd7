// Idempotency keys in a table of the queue's database.
import { type JobDatabase, text } from './database.ts';
import type { FoundKey, IdempotencyKeys, KeyRecord, RequestKey } from './idempotency-keys.ts';

export const createSqliteKeys = (db: JobDatabase): IdempotencyKeys => new SqliteKeys(db);

type Row = { readonly [K in keyof KeyRecord]: string | null } & { readonly settled: number };

class SqliteKeys implements IdempotencyKeys {
  readonly #db: JobDatabase;

  constructor(db: JobDatabase) {
    this.#db = db;
  }

  find({ scope, key }: RequestKey, since: number): FoundKey | undefined {
    const row = this.#db.get<Row>(
      `SELECT settled, ${text('fingerprint', 'subject', 'answer')} FROM idempotency_keys
       WHERE scope = ? AND key = ? AND create_time >= ?`,
      ...[scope, key, since],
    );
    if (!row) return undefined;
    const { fingerprint, subject, answer, settled } = row;
    if (fingerprint === null || subject === null || answer === null) return undefined; // damaged on the disk
    return { fingerprint, subject, answer, settled: settled === 1 };
  }

  record({ scope, key }: RequestKey, { fingerprint, subject, answer, createTime }: KeyRecord & { createTime: number }) {
    this.#db.run(
      `INSERT OR REPLACE INTO idempotency_keys (scope, key, fingerprint, subject, answer, settled, create_time)
       VALUES (?, ?, ?, ?, ?, 0, ?)`,
      ...[scope, key, fingerprint, subject, answer, createTime],
    );
  }

  settle({ scope, key }: RequestKey): void {
    this.#db.run('UPDATE idempotency_keys SET settled = 1 WHERE scope = ? AND key = ?', scope, key);
  }

  forget({ scope, key }: RequestKey): void {
    this.#db.run('DELETE FROM idempotency_keys WHERE scope = ? AND key = ?', scope, key);
  }

  sweep(before: number): number {
    return this.#db.run('DELETE FROM idempotency_keys WHERE create_time < ?', before);
  }
}
