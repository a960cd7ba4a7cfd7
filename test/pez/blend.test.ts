// Blending: what each mode makes of pico-clip's prompts, and that what is reported is true.
import { loadClip } from '../../engine/clip/clip.ts';
import { type BlendOptions, type BlendSource, blendModes, blendPrompts } from '../../engine/pez/blend.ts';

const clip = await loadClip('pico-clip');
const tiger = 'a tiger in the snow';
const house = 'a red house with a garden';
const sources: readonly BlendSource[] = [{ prompt: tiger }, { prompt: house }];
const run = (options: Partial<BlendOptions>) =>
  blendPrompts(clip, { sources, mode: 'concatenate', steps: 10, restarts: 2, ...options });

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const embed = async (text: string) => (await clip.text.encode([text]))[0];
const cosine = async (a: string, b: string) => dot(await embed(a), await embed(b));
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

test.each(blendModes.filter((mode) => mode !== 'joint'))(
  '%s: the ids and similarities are those of the reported text',
  async (mode) => {
    const result = await run({ mode });
    expect(result.ids).toEqual(clip.tokenizer.encode(result.prompt));
    expect(result.similarities[0]).toBeCloseTo(await cosine(result.prompt, tiger), 5);
    expect(result.similarities[1]).toBeCloseTo(await cosine(result.prompt, house), 5);
    expect(result.aborted).toBe(false);
  },
);

test('joint beats either source on the weighted mean, tells the truth, and does so again with the same seed', async () => {
  const [a, b] = [await run({ mode: 'joint', seed: 3 }), await run({ mode: 'joint', seed: 3 })];
  expect({ ...b, seconds: 0 }).toEqual({ ...a, seconds: 0 });
  expect(a.ids).toEqual(clip.tokenizer.encode(a.prompt));
  expect(a.similarities[0]).toBeCloseTo(await cosine(a.prompt, tiger), 5);
  expect(mean(a.similarities)).toBeGreaterThan((1 + (await cosine(tiger, house))) / 2 + 0.02);
});

test('joint with a negative source goes away from it', async () => {
  const away = [{ prompt: tiger }, { prompt: 'snow', weight: -1 }];
  const { similarities } = await run({ mode: 'joint', sources: away, length: 7 });
  expect(similarities[1]).toBeLessThan((await cosine(tiger, 'snow')) - 0.2);
});

test('side by side: all words of both, the heavier first', async () => {
  expect(await run({})).toMatchObject({ prompt: `${tiger} ${house}`, dropped: [] });
  const heavier = [{ prompt: tiger }, { prompt: house, weight: 2 }];
  expect((await run({ sources: heavier })).prompt).toBe(`${house} ${tiger}`);
});

test('in turns: the words alternate, and what both say is said once', async () => {
  expect((await run({ mode: 'interleave' })).prompt).toBe('a red tiger house in with the garden snow');
});

test('a short budget is shared by weight, and what did not fit is told', async () => {
  const even = await run({ length: 6 });
  expect(even).toMatchObject({ prompt: 'a tiger in a red house', dropped: ['the', 'snow', 'with', 'a', 'garden'] });
  const uneven = await run({ length: 6, sources: [{ prompt: tiger, weight: 2 }, { prompt: house }] });
  expect(uneven.prompt).toBe('a tiger in the a red');
});

test('prompts beyond the context are cut to it, every other word is told', async () => {
  const long = Array.from({ length: 60 }, (_, i) => ['red', 'fox', 'moon', 'tree'][i % 4]).join(' ');
  const other = Array.from({ length: 60 }, (_, i) => ['cat', 'blue', 'car'][i % 3]).join(' ');
  const { ids, dropped, prompt } = await run({ sources: [{ prompt: long }, { prompt: other }] });
  expect(ids.length).toBe(75);
  expect(prompt.split(' ').length + dropped.length).toBe(120);
});

test('a source of 120 tokens is embedded in chunks and blended all the same', async () => {
  const long = Array(120).fill('tiger').join(' ');
  const { ids, similarities } = await run({ sources: [{ prompt: long }], length: 5 });
  expect(ids.length).toBe(5);
  expect(similarities[0]).toBeGreaterThan(0.6);
});

test('the same prompt twice is said once', async () => {
  expect((await run({ sources: [{ prompt: tiger }, { prompt: tiger }] })).prompt).toBe(tiger);
});

test('a source of weight 0 is left out but still compared', async () => {
  const { prompt, similarities } = await run({ sources: [{ prompt: tiger }, { prompt: house, weight: 0 }] });
  expect(prompt).toBe(tiger);
  expect(similarities).toHaveLength(2);
});

test('crossover uses the sources’ words only and is nearer to the farther source than either source', async () => {
  const { prompt, similarities } = await run({ mode: 'crossover' });
  const allowed = new Set(`${tiger} ${house}`.split(' '));
  expect(prompt.split(' ').filter((word) => !allowed.has(word))).toEqual([]);
  expect(Math.min(...similarities)).toBeGreaterThan((await cosine(tiger, house)) + 0.1);
});

test('a picture is inverted and takes part', async () => {
  const image = 'examples/tiger.png';
  const { similarities, ids } = await run({ sources: [{ image }, { prompt: house }] });
  expect(similarities[0]).toBeGreaterThan(0.2);
  expect(ids.length).toBeGreaterThan(clip.tokenizer.encode(house).length);
});

test.each([
  ['no source', { sources: [] }, /sources.*at least one/],
  ['an unknown mode', { mode: 'mix' as never }, /mode.*concatenate, interleave, joint, crossover.*mix/],
  ['pushing away side by side', { sources: [{ prompt: tiger }, { prompt: house, weight: -1 }] }, /joint and crossover/],
  ['weights of 0 only', { sources: [{ prompt: tiger, weight: 0 }] }, /weight.*above 0/],
  ['an empty prompt', { sources: [{ prompt: ' ' }] }, /prompt.*not empty/],
  ['a source of two kinds', { sources: [{ prompt: tiger, image: 'a.png' } as never] }, /exactly one/],
  ['more tokens than the context', { length: 76 }, /length.*1 to 75/],
  ['a seed below 0', { seed: -1 }, /seed/],
  ['no room for the first word', { length: 1, sources: [{ prompt: 'snowstorm' }] }, /room for at least one word/],
])('%s: OPTION_INVALID with a clear message', async (_, options: Partial<BlendOptions>, message) => {
  await expect(run(options)).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: expect.stringMatching(message),
  });
});

test.each(['joint', 'crossover'] as const)(
  '%s: an abort ends it within one step and keeps the best so far',
  async (mode) => {
    const controller = new AbortController();
    let after = 0;
    const result = await run({
      mode,
      steps: 5000,
      signal: controller.signal,
      onProgress: ({ step }) => {
        if (controller.signal.aborted) after++;
        if (step === 2) controller.abort();
      },
    });
    expect(result).toMatchObject({ aborted: true, prompt: expect.stringMatching(/\w/) });
    expect(after).toBe(0);
  },
);

test('aborted before it began, it is the signal’s reason', async () => {
  await expect(run({ signal: AbortSignal.abort(new Error('not now')) })).rejects.toThrow('not now');
});
