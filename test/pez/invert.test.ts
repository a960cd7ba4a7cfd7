// invert as a whole, on a tiny tower: what it reports is true, what it is told it obeys.
import fc from 'fast-check';
import { type InvertOptions, type InvertProgress, invert, official } from '../../engine/pez/invert.ts';
import { towerClip } from './tower-clip.ts';

const clip = towerClip('clip-quick-gelu');
const { tokenizer } = clip;
const picture = (...bytes: number[]) => ({ image: new Uint8Array(bytes) });
const quick = { targets: [picture(1)], length: 4, steps: 12, restarts: 3, polish: 2 } satisfies InvertOptions;
const run = (options: Partial<InvertOptions> = {}) => invert(clip, { ...quick, ...options });

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const imageOf = async (...bytes: number[]) => (await clip.image.encode([new Uint8Array(bytes)]))[0];
const textOf = async (text: string) => (await clip.text.encode([text]))[0];

test('any settings: every reported prompt has the reported tokens and the reported similarity', async () => {
  const settings = fc.record({
    seed: fc.nat(),
    length: fc.integer({ min: 1, max: 6 }),
    steps: fc.integer({ min: 1, max: 10 }),
    restarts: fc.integer({ min: 1, max: 4 }),
    polish: fc.integer({ min: 0, max: 2 }),
    vocabulary: fc.constantFrom<InvertOptions['vocabulary']>('all', 'printable', 'words'),
    projection: fc.constantFrom<InvertOptions['projection']>('cosine', 'l2'),
    template: fc.constantFrom('{}', 'ba {} de', 'lo{}'),
    block: fc.subarray(['ba', 'lo', 'gude']),
  });
  const image = await imageOf(1);
  await fc.assert(
    fc.asyncProperty(settings, async (options) => {
      const result = await run(options);
      expect(result.candidates[0]).toMatchObject({ prompt: result.prompt, similarity: result.similarity });
      for (const { prompt, ids, similarity } of result.candidates) {
        expect(tokenizer.encode(prompt)).toEqual(ids);
        expect(Math.abs(similarity - dot(await textOf(prompt), image))).toBeLessThan(1e-5);
      }
      expect(result.tokens.map((t) => t.id)).toEqual(result.ids);
    }),
    { numRuns: 25 },
  );
});

test('the same seed gives the same prompt, and other seeds other searches', async () => {
  const [a, b] = [await run({ seed: 5 }), await run({ seed: 5 })];
  expect({ ...b, seconds: 0, stepsPerSecond: 0 }).toEqual({ ...a, seconds: 0, stepsPerSecond: 0 });
  const histories = await Promise.all([1, 2, 3].map(async (seed) => (await run({ seed })).history.similarities[0]));
  expect(new Set(histories.map(String)).size).toBe(3);
});

test('further restarts leave the first ones as they were', async () => {
  const [few, many] = [await run({ restarts: 2, steps: 1 }), await run({ restarts: 4, steps: 1 })];
  expect(many.history.similarities[0].slice(0, 2)).toEqual(few.history.similarities[0]);
});

test('candidates are different texts, best first, at most topK', async () => {
  const { candidates } = await run({ topK: 7 });
  expect(candidates).toHaveLength(7);
  expect(new Set(candidates.map((c) => c.prompt)).size).toBe(7);
  const similarities = candidates.map((c) => c.similarity);
  expect(similarities).toEqual(similarities.toSorted((a, b) => b - a));
});

test('candidates are other prompts, not the best one with a word exchanged', async () => {
  const { candidates } = await run({ topK: 4, length: 6 });
  for (const [i, { ids }] of candidates.entries())
    for (const before of candidates.slice(0, i))
      expect(ids.filter((id) => !before.ids.includes(id)).length).toBeGreaterThanOrEqual(2);
});

test('polish never makes the result worse', async () => {
  for (let seed = 0; seed < 8; seed++) {
    const [rough, polished] = [await run({ seed, polish: false }), await run({ seed, polish: 3 })];
    expect(polished.similarity).toBeGreaterThanOrEqual(rough.similarity - 1e-6);
  }
});

test('a text target is distilled into fewer tokens', async () => {
  const { similarity, ids } = await run({ targets: [{ text: 'ba be bade lo gu mi ne' }], steps: 60, restarts: 4 });
  expect(ids.length).toBeLessThanOrEqual(4);
  expect(similarity).toBeGreaterThan(0.7);
});

test('an embedding need not have unit length', async () => {
  const unit = await imageOf(1);
  const [direct, scaled] = [await run(), await run({ targets: [{ embedding: unit.map((x) => 3 * x) }] })];
  expect(scaled.prompt).toBe(direct.prompt);
});

test('an embedding of another length is refused', async () => {
  const embedding = new Float32Array(7).fill(1);
  await expect(run({ targets: [{ embedding }] })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
});

test('several targets: the similarity is the weighted mean of their cosines', async () => {
  const targets = [{ ...picture(1), weight: 3 }, picture(2)];
  const { prompt, similarity } = await run({ targets });
  const text = await textOf(prompt);
  expect(similarity).toBeCloseTo((3 * dot(text, await imageOf(1)) + dot(text, await imageOf(2))) / 4, 5);
});

test('a target of negative weight is pushed away, and similarity speaks of the others', async () => {
  const away = { ...picture(2), weight: -2 };
  const [near, far] = [await run(), await run({ targets: [picture(1), away] })];
  const other = await imageOf(2);
  expect(dot(await textOf(far.prompt), other)).toBeLessThan(dot(await textOf(near.prompt), other));
  expect(far.similarity).toBeCloseTo(dot(await textOf(far.prompt), await imageOf(1)), 5);
});

test('a negative weight alone finds what is least like the target', async () => {
  const { similarity, candidates } = await run({ targets: [{ ...picture(1), weight: -1 }] });
  expect(similarity).toBeLessThan(-0.1);
  expect(similarity).toBe(Math.min(...candidates.map((c) => c.similarity)));
});

test('mini-batches of targets lead to a prompt judged on all of them', async () => {
  const targets = [picture(1), picture(2), picture(3)];
  const { prompt, similarity } = await run({ targets, batchSize: 1 });
  const text = await textOf(prompt);
  const cosines = await Promise.all([1, 2, 3].map(async (byte) => dot(text, await imageOf(byte))));
  expect(similarity).toBeCloseTo((cosines[0] + cosines[1] + cosines[2]) / 3, 5);
});

test('the template stands around every prompt', async () => {
  const { candidates } = await run({ template: 'ba {} gude' });
  for (const { prompt } of candidates) expect(prompt).toMatch(/^ba .+ gude$/);
});

test('an initial prompt is where the first restart begins', async () => {
  const initialPrompt = 'ba be bi bo';
  const { history } = await run({ initialPrompt, steps: 1, restarts: 1, polish: false });
  const expected = dot(await textOf(initialPrompt), await imageOf(1));
  expect(history.similarities[0][0]).toBeCloseTo(expected, 5);
});

test('fixed positions keep the initial prompt’s words in every candidate, and the result is never worse than it', async () => {
  const initialPrompt = 'ba lo bi gu';
  const { candidates, similarity } = await run({ initialPrompt, fixed: [1, 3], allow: ['e'], topK: 20 });
  expect(candidates.length).toBeGreaterThan(3);
  for (const { prompt } of candidates) expect(prompt).toMatch(/^\S+ lo \S+ gu$/);
  expect(similarity).toBeGreaterThanOrEqual(dot(await textOf(initialPrompt), await imageOf(1)) - 1e-6);
});

test('fixed positions beyond the initial prompt are refused', async () => {
  await expect(run({ initialPrompt: 'ba', fixed: [1] })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
});

test('blocked words appear in no candidate, joined from tokens or not', async () => {
  const free = await run({ vocabulary: 'all', topK: 20 });
  const block = [free.prompt.slice(0, 2), free.prompt.slice(-3).trim()];
  const { candidates } = await run({ vocabulary: 'all', topK: 20, block });
  for (const { prompt } of candidates) for (const word of block) expect(prompt).not.toContain(word);
});

test('an allow-list is obeyed, words of several tokens included', async () => {
  const allow = ['bade', 'badefi', 'gu'];
  const { candidates } = await run({ allow, topK: 20 });
  expect(candidates.length).toBeGreaterThan(0);
  for (const { prompt } of candidates)
    for (const word of prompt.split(' ')) expect(allow.some((entry) => word.includes(entry))).toBe(true);
});

test('an allow-list of one word that is no token gives prompts of that word', async () => {
  const { prompt } = await run({ allow: ['badefi'], length: 5 });
  expect(new Set(prompt.split(' '))).toEqual(new Set(['badefi']));
});

test('an allow-list that leaves nothing is VOCABULARY_EMPTY', async () => {
  await expect(run({ allow: ['xyzzy'] })).rejects.toMatchObject({ code: 'VOCABULARY_EMPTY' });
});

test('a bad option is refused before anything runs', async () => {
  await expect(run({ length: 0 })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
});

test('progress counts the steps and the best only rises', async () => {
  const seen: InvertProgress[] = [];
  const { steps, history, similarity } = await run({ onProgress: (p) => seen.push(p) });
  expect(seen.map((p) => p.step)).toEqual(Array.from({ length: steps }, (_, i) => i + 1));
  expect(history.steps).toEqual(seen.map((p) => p.step));
  expect(history.best).toEqual(history.best.toSorted((a, b) => a - b));
  expect(seen.at(-1)!.similarity).toBeCloseTo(similarity, 5);
  expect(seen.every((p) => p.prompt.length > 0 && p.step <= p.steps)).toBe(true);
});

test('the worse half of the restarts is dropped until one is left', async () => {
  const { history } = await run({ restarts: 8, steps: 16, polish: false, earlyStop: false });
  expect(history.similarities.map((s) => s.length)).toEqual([8, 8, 8, 8, 4, 4, 4, 4, 2, 2, 2, 2, 1, 1, 1, 1]);
});

test('an early stop ends a search that finds nothing better', async () => {
  const settings = { allow: ['baba'], restarts: 1, steps: 500, polish: false };
  expect((await run({ ...settings, earlyStop: 5 })).steps).toBeLessThan(30);
  expect((await run({ ...settings, steps: 40, earlyStop: false })).steps).toBe(40);
});

test('steps whose projection is known compute no gradient', async () => {
  const { gradientRuns, steps } = await run({ allow: ['baba'], restarts: 1, steps: 30, earlyStop: false, polish: 0 });
  expect(steps).toBe(30);
  expect(gradientRuns).toBe(1);
});

test('the official settings run as they are', async () => {
  const result = await run({ ...official, length: 6, steps: 30 });
  expect(result.steps).toBe(30);
  expect(tokenizer.encode(result.prompt)).toEqual(result.ids);
});

describe('abort', () => {
  test('ends within one step and keeps the best so far', async () => {
    const controller = new AbortController();
    const seen: InvertProgress[] = [];
    const result = await run({
      steps: 5000,
      signal: controller.signal,
      onProgress: (p) => {
        seen.push(p);
        if (p.step === 4) controller.abort();
      },
    });
    expect(result.aborted).toBe(true);
    expect(result.steps).toBe(4);
    expect(result.prompt).toBe(seen.at(-1)?.prompt);
  });

  test('a timer gets its turn between steps', async () => {
    const result = await run({ steps: 1_000_000, earlyStop: false, signal: AbortSignal.timeout(50) });
    expect(result.aborted).toBe(true);
    expect(result.prompt).not.toBe('');
  });

  test('before the search, it is the signal’s reason', async () => {
    await expect(run({ signal: AbortSignal.abort(new Error('not now')) })).rejects.toThrow('not now');
  });

  test('a search that ran to its end is not aborted', async () => {
    expect((await run()).aborted).toBe(false);
  });
});
