// Which of many near-equal prompts are worth showing.
import { chooseDiffering } from '../../engine/pez/differing.ts';

const items = (...rows: number[][]) => rows.map((ids) => ({ ids }));
const chosen = (rows: number[][], count: number, least: number) =>
  chooseDiffering(items(...rows), count, least).map(({ ids }) => ids);

test('the best, then the best that differ from all before by enough tokens', () => {
  const ranked = [
    [1, 2, 3, 4],
    [1, 2, 3, 9], // one token
    [4, 3, 2, 1], // another order
    [1, 2, 7, 8], // two tokens
    [1, 2, 8, 5], // two from the first, one from the last
    [5, 6, 3, 4],
  ];
  expect(chosen(ranked, 3, 2)).toEqual([ranked[0], ranked[3], ranked[5]]);
});

test('where too few differ by that much, fewer tokens do, and in the end any text; still best first', () => {
  const ranked = [
    [1, 2],
    [2, 1],
    [1, 3],
    [5, 6],
  ];
  expect(chosen(ranked, 2, 2)).toEqual([ranked[0], ranked[3]]);
  expect(chosen(ranked, 3, 2)).toEqual([ranked[0], ranked[2], ranked[3]]);
  expect(chosen(ranked, 4, 2)).toEqual(ranked);
  expect(chosen(ranked, 9, 2)).toEqual(ranked);
  expect(chosen([], 3, 2)).toEqual([]);
});
