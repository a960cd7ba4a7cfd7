// The reference files of test/fixtures/diffusion (made by training/fixtures/diffusion*.py) and how near results must come to them.
import { cpSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const folder = join(import.meta.dirname, '../fixtures/diffusion');

/** Path of a tiny checkpoint: sd15, sdxl or lcm. */
export const checkpointDir = (name: string): string => join(folder, name);

export interface FlatArray {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

export const readFixture = <T>(name: string): T => JSON.parse(readFileSync(join(folder, name), 'utf8')) as T;

/** The largest difference, relative to the largest number expected. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [difference, size] = [0, 0];
  for (let i = 0; i < actual.length; i++) {
    // A NaN must not pass for small.
    if (!(Math.abs(actual[i] - expected[i]) <= difference)) difference = Math.abs(actual[i] - expected[i]);
    size = Math.max(size, Math.abs(expected[i]));
  }
  return difference / size;
}

/** A copy of a tiny checkpoint that a test may damage; the caller removes it. */
export function copyCheckpoint(name: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'pez-checkpoint-'));
  cpSync(checkpointDir(name), dir, { recursive: true });
  return dir;
}
