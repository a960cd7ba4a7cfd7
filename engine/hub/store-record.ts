// The record of downloads in a model folder, `.pez-nodes.json`: a damaged file is noticed without reading it.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface FileRecord {
  readonly size: number;
  readonly sha256: string;
  readonly etag: string;
}

export interface StoreRecord {
  /** Path in the folder → what was downloaded. */
  readonly files: Readonly<Record<string, FileRecord>>;
  /** Optional files that the hub does not have. */
  readonly absent: readonly string[];
  /** .onnx file or index → the files that hold its weights. */
  readonly beside: Readonly<Record<string, readonly string[]>>;
}

const NAME = '.pez-nodes.json';

/** The record of a folder; an empty one if there is none or it cannot be read. */
export function readRecord(dir: string): StoreRecord {
  try {
    const {
      files = {},
      absent = [],
      beside = {},
    } = JSON.parse(readFileSync(join(dir, NAME), 'utf8')) as Partial<StoreRecord>;
    return { files, absent, beside };
  } catch {
    return { files: {}, absent: [], beside: {} };
  }
}

/** Replaces parts of the record in one step. */
export function amendRecord(dir: string, change: (record: StoreRecord) => Partial<StoreRecord>): void {
  const record = readRecord(dir);
  writeRecord(dir, { ...record, ...change(record) });
}

function writeRecord(dir: string, record: StoreRecord): void {
  mkdirSync(dir, { recursive: true });
  const temporary = join(dir, `${NAME}.${process.pid}`);
  writeFileSync(temporary, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(temporary, join(dir, NAME));
}
