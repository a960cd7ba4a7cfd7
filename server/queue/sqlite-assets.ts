// Asset records in a table of the queue's database.
import type { AssetRecord, AssetRecords } from './asset-records.ts';
import { type JobDatabase, text } from './database.ts';

export const createSqliteAssets = (db: JobDatabase): AssetRecords => new SqliteAssets(db);

interface Row {
  readonly id: string | null;
  readonly hash: string | null;
  readonly file: string | null;
  readonly size_bytes: number;
  readonly content_type: string | null;
  readonly file_path: string | null;
  readonly create_time: number;
}

const SELECTED = `SELECT size_bytes, create_time, ${text('id', 'hash', 'file', 'content_type', 'file_path')} FROM assets`;

class SqliteAssets implements AssetRecords {
  readonly #db: JobDatabase;

  constructor(db: JobDatabase) {
    this.#db = db;
  }

  get(id: string): AssetRecord | undefined {
    return toRecord(this.#db.get<Row>(`${SELECTED} WHERE assets.id = ?`, id));
  }

  findByHash(hash: string, filePath?: string): AssetRecord | undefined {
    const sql = `${SELECTED} WHERE assets.hash = ? AND (? IS NULL OR assets.file_path = ?) ORDER BY rowid LIMIT 1`;
    return toRecord(this.#db.get<Row>(sql, hash, filePath ?? null, filePath ?? null));
  }

  add({ id, hash, file, sizeBytes, contentType, filePath, createTime }: AssetRecord): void {
    this.#db.run(
      `INSERT INTO assets (id, hash, file, size_bytes, content_type, file_path, create_time) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ...[id, hash, file, sizeBytes, contentType, filePath, createTime],
    );
  }

  remove(id: string): boolean {
    return this.#db.run('DELETE FROM assets WHERE id = ?', id) > 0;
  }
}

/** undefined: there is none, or the disk has damaged it. */
function toRecord(row: Row | undefined): AssetRecord | undefined {
  if (!row) return undefined;
  const { id, hash, file, content_type: contentType, file_path: filePath } = row;
  if (id === null || hash === null || file === null || contentType === null || filePath === null) return undefined;
  return { id, hash, file, contentType, filePath, sizeBytes: row.size_bytes, createTime: row.create_time };
}
