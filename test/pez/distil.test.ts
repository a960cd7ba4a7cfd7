// Distilling long texts, comparing many things: pico-clip through the public functions.
import { loadClip } from '../../engine/clip/clip.ts';
import { compareAll } from '../../engine/pez/compare.ts';
import { type DistilOptions, distilPrompt } from '../../engine/pez/distil.ts';
import { chunkText } from '../../engine/pez/embed.ts';

const clip = await loadClip('pico-clip');
const text = 'a watercolor of a tiger and a small red house with a garden in the snow at night';
const run = (options: Partial<DistilOptions>) =>
  distilPrompt(clip, { text, steps: 15, restarts: 2, polish: 2, ...options });

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const embed = async (t: string) => (await clip.text.encode([t]))[0];

test('the shorter, the farther: and always far nearer than random words', async () => {
  const found = [];
  for (const ratio of [0.5, 0.3]) found.push(await run({ ratio }));
  const tokens = clip.tokenizer.encode(text).length;
  expect(found.map((r) => r.length)).toEqual([Math.round(tokens / 2), Math.round(tokens * 0.3)]);
  const [half, third] = found.map((r) => r.similarity);
  expect(half).toBeGreaterThan(third - 0.02);
  expect(half).toBeGreaterThan(0.9);
  const random = dot(await embed('clock sandwich basket kangaroo violin'), await embed(text));
  expect(third).toBeGreaterThan(random + 0.3);
});

test('what is reported is the text itself', async () => {
  const { prompt, ids, similarity, tokens, length, candidates } = await run({ ratio: 0.3 });
  expect(clip.tokenizer.encode(prompt)).toEqual(ids);
  expect(ids.length).toBeLessThanOrEqual(length);
  expect(tokens.map((t) => t.id)).toEqual(ids);
  expect(similarity).toBeCloseTo(dot(await embed(prompt), await embed(text)), 5);
  expect(candidates[0]).toMatchObject({ prompt, similarity });
});

test('a text beyond the context is embedded in chunks of whole words', async () => {
  const long = Array(8).fill(text).join(' ');
  const chunks = chunkText(clip, long);
  expect(chunks.join(' ')).toBe(long);
  expect(Math.max(...chunks.map((c) => clip.tokenizer.encode(c).length))).toBeLessThanOrEqual(75);
  const result = await run({ text: long, length: 6 });
  expect(result).toMatchObject({ chunks: chunks.length, originalTokens: clip.tokenizer.encode(long).length });
  expect(result.similarity).toBeGreaterThan(0.8);
});

test('blocked words do not come from the text either', async () => {
  const { candidates } = await run({ length: 6, block: ['tiger', 'red'] });
  for (const { prompt } of candidates) expect(prompt).not.toMatch(/tiger|red/);
});

test('the same seed gives the same prompt', async () => {
  const [a, b] = [await run({ seed: 2, length: 6 }), await run({ seed: 2, length: 6 })];
  expect({ ...b, seconds: 0 }).toEqual({ ...a, seconds: 0 });
});

test('an abort keeps the best so far', async () => {
  const controller = new AbortController();
  const onProgress = ({ step }: { step: number }) => step === 3 && controller.abort();
  const result = await run({ length: 6, steps: 5000, signal: controller.signal, onProgress });
  expect(result.aborted).toBe(true);
  expect(result.similarity).toBeGreaterThan(0.8);
});

test.each<[string, Partial<DistilOptions>, RegExp]>([
  ['an empty text', { text: ' ' }, /text.*not empty/],
  ['a ratio of 0', { ratio: 0 }, /ratio.*above 0/],
  ['a ratio above 1', { ratio: 1.5 }, /ratio.*at most 1/],
  ['length and ratio', { length: 4, ratio: 0.5 }, /ratio.*left out/],
  ['a length beyond the context', { length: 76 }, /length.*75/],
])('%s: OPTION_INVALID with a clear message', async (_, options, message) => {
  await expect(run(options)).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: expect.stringMatching(message),
  });
});

describe('compareAll', () => {
  test('rows are the left items, columns the right ones', async () => {
    const matrix = await compareAll(
      clip,
      [{ image: 'examples/tiger.png' }, { text: 'a tiger' }],
      [{ text: 'a tiger' }, { text: 'a red house' }, { image: 'examples/tiger.png' }],
    );
    expect(matrix.map((row) => row.length)).toEqual([3, 3]);
    expect(matrix[0][2]).toBeCloseTo(1, 5);
    expect(matrix[1][0]).toBeCloseTo(1, 5);
    expect(matrix[0][0]).toBeCloseTo(matrix[1][2], 5);
    expect(matrix[1][1]).toBeCloseTo(dot(await embed('a tiger'), await embed('a red house')), 5);
  });

  test('nothing beside something is an empty matrix', async () => {
    expect(await compareAll(clip, [], [{ text: 'a' }])).toEqual([]);
    expect(await compareAll(clip, [{ text: 'a' }], [])).toEqual([[]]);
  });

  test('an item of no kind, and an embedding of another model, are refused', async () => {
    await expect(compareAll(clip, [{} as never], [])).rejects.toMatchObject({ code: 'OPTION_INVALID' });
    const embedding = new Float32Array(7).fill(1);
    await expect(compareAll(clip, [{ embedding }], [])).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });

  test('an abort is the signal’s reason', async () => {
    const signal = AbortSignal.abort(new Error('not now'));
    await expect(compareAll(clip, [{ text: 'a' }], [{ text: 'a' }], signal)).rejects.toThrow('not now');
  });
});
