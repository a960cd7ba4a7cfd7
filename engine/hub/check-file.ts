// Checks a downloaded file against what the hub announced: its size, and the hash that serves as its etag.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import type { RemoteFile } from './requests.ts';
import type { FileRecord } from './store-record.ts';

/** The bytes that arrived are not the ones that were announced: the download starts over. */
export class Damaged extends Error {}

/**
 * Reads the file once. The hub's etags are the sha256 of large files and git's blob hash (a sha1) of small ones; an
 * etag of any other form says nothing about the bytes. Throws Damaged.
 */
export async function checkFile(path: string, { size, etag }: RemoteFile): Promise<FileRecord> {
  const actual = statSync(path).size;
  if (size !== undefined && actual !== size) throw new Damaged(`${actual} bytes arrived, ${size} were announced`);
  const sha256 = createHash('sha256');
  const blob = createHash('sha1').update(`blob ${actual}\0`);
  for await (const chunk of createReadStream(path)) for (const hash of [sha256, blob]) hash.update(chunk as Buffer);
  const sum = sha256.digest('hex');
  const expected = etag.replace(/^"|"$/g, '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(expected)) compare('sha256', sum, expected);
  if (/^[0-9a-f]{40}$/.test(expected)) compare('git hash', hex(blob), expected);
  return { size: actual, sha256: sum, etag };
}

const hex = (hash: Hash): string => hash.digest('hex');

function compare(kind: string, actual: string, expected: string): void {
  if (actual !== expected)
    throw new Damaged(`its ${kind} is ${actual.slice(0, 12)}…, not the announced ${expected.slice(0, 12)}…`);
}
