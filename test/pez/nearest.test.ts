// Nearest and steepest rows against a plain loop over the table.
import { createNearestRows, type Table } from '../../engine/pez/nearest.ts';
import { random } from '../helpers/random.ts';

const V = 57;
const D = 6;
const next = random(5);
const numbers = (count: number) => Float32Array.from({ length: count }, () => next() * 2 - 1);
/** Rows of lengths from 0 to about 4, so that cosine and distance disagree. */
const table: Table = {
  data: numbers(V * D).map((x, i) => (x * 2 * (Math.floor(i / D) % 5)) / 2),
  vocabSize: V,
  dim: D,
};
const row = (v: number) => table.data.subarray(v * D, (v + 1) * D);
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const open = new Float32Array(V);

const measures = {
  cosine: (p: Float32Array, e: Float32Array) => dot(p, e) / Math.max(Math.hypot(...e), 1e-12),
  l2: (p: Float32Array, e: Float32Array) => -Math.hypot(...p.map((x, i) => x - e[i])),
};
const bestBy = (score: (v: number) => number, allowed: readonly number[]) =>
  allowed.toSorted((a, b) => score(b) - score(a));
const all = Array.from({ length: V }, (_, v) => v);

describe.each(['cosine', 'l2'] as const)('%s', (kind) => {
  test('finds the row that a loop finds', async () => {
    const rows = await createNearestRows(table);
    const points = numbers(20 * D);
    const ids = await rows.project(points, open, kind);
    for (let n = 0; n < 20; n++) {
      const p = points.subarray(n * D, (n + 1) * D);
      expect(ids[n]).toBe(bestBy((v) => measures[kind](p, row(v)), all)[0]);
    }
  });

  test('never finds a masked row, even where all others point away', async () => {
    const rows = await createNearestRows(table);
    const mask = new Float32Array(V).fill(Number.NEGATIVE_INFINITY);
    for (const v of [7, 12]) mask[v] = 0;
    const points = numbers(40 * D).map((x, i) => 5 * x - 10 * row(7)[i % D] - 10 * row(12)[i % D]);
    const ids = await rows.project(points, mask, kind);
    expect([...new Set(ids)].every((id) => id === 7 || id === 12)).toBe(true);
  });
});

test('every row of non-zero length is its own nearest row', async () => {
  const rows = await createNearestRows(table);
  const ids = await rows.project(table.data, open, 'l2');
  const wrong = all.filter((v) => ids[v] !== v && Math.hypot(...row(v)) > 0);
  expect(wrong).toEqual([]);
});

test('steepest gives the allowed rows with the largest product, best first', async () => {
  const rows = await createNearestRows(table);
  const mask = open.map((_, v) => (v % 3 === 0 ? Number.NEGATIVE_INFINITY : 0));
  const allowed = all.filter((v) => v % 3 !== 0);
  const directions = numbers(4 * D);
  const found = await rows.steepest(directions, mask, 5);
  for (let n = 0; n < 4; n++) {
    const g = directions.subarray(n * D, (n + 1) * D);
    expect(Array.from(found[n])).toEqual(bestBy((v) => dot(g, row(v)), allowed).slice(0, 5));
  }
});

test('steepest gives no more rows than are allowed', async () => {
  const rows = await createNearestRows(table);
  const mask = new Float32Array(V).fill(Number.NEGATIVE_INFINITY);
  mask[3] = mask[4] = 0;
  const [found] = await rows.steepest(numbers(D), mask, 10);
  expect([...found].sort()).toEqual([3, 4]);
});
