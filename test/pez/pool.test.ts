// The pool: what is scored at once, what later, and that what waits is limited.
import type { DecodedPrompt } from '../../engine/pez/decode-prompt.ts';
import type { Objective } from '../../engine/pez/objective.ts';
import { createPool } from '../../engine/pez/pool.ts';
import type { Encoded, Scorer } from '../../engine/pez/scorer.ts';

/** The score of an embedding is its only number. */
const objective: Objective = {
  pick: () => ({ direction: Float32Array.of(1), key: '' }),
  score: ([x]) => x,
  similarity: ([x]) => x,
};

/** Texts of these ids: "7"; `roundTrips` for even ones. Exact scores are 100 less than the number. */
const decode = (ids: readonly number[]): DecodedPrompt => ({
  prompt: ids.join(' '),
  ids,
  learned: ids,
  roundTrips: ids[0] % 2 === 0,
});

function setUp() {
  const scored: string[] = [];
  const embed = async (texts: readonly Encoded[]) => {
    scored.push(...texts.map(({ prompt }) => prompt));
    return texts.map(({ ids }) => Float32Array.of(ids[0] - 100));
  };
  const scorer: Scorer = { embed, embedOrdinary: async () => [] };
  return { scored, pool: createPool(objective, decode, scorer) };
}

test('ids that are those of their text bring its score along', async () => {
  const { pool, scored } = setUp();
  expect(await pool.offer([4], Float32Array.of(0.5))).toBe(0.5);
  expect(scored).toEqual([]);
  expect(pool.best(1)).toMatchObject([{ text: { prompt: '4' }, score: 0.5 }]);
});

test('other ids are scored as a text at once if they are the most promising so far, otherwise later', async () => {
  const { pool, scored } = setUp();
  expect(await pool.offer([3], Float32Array.of(0.5))).toBe(-97);
  expect(await pool.offer([5], Float32Array.of(0.25))).toBe(0.25);
  expect([scored, pool.knows('5')]).toEqual([['3'], false]);
  await pool.scoreDeferred();
  expect([scored, pool.knows('5')]).toEqual([['3', '5'], true]);
  expect(pool.best(5).map(({ text }) => text.prompt)).toEqual(['5', '3']);
});

test('at most 64 texts wait; those of the highest estimates stay', async () => {
  const { pool, scored } = setUp();
  await pool.offer([1], Float32Array.of(1000));
  for (let id = 3; id < 400; id += 2) await pool.offer([id], Float32Array.of(id));
  await pool.scoreDeferred();
  const waited = scored.slice(1).map(Number);
  expect(waited.length).toBeLessThanOrEqual(64);
  expect(waited).toEqual(expect.arrayContaining([399, 397, 395, 393, 391]));
});
