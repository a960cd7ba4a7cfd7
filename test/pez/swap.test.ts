// Swapping concepts in prompts of pico-clip: what goes, what comes, what stays.
import { loadClip } from '../../engine/clip/clip.ts';
import { measureContributions } from '../../engine/pez/contribution.ts';
import { type SwapOptions, type SwapSelection, swapConcepts } from '../../engine/pez/swap.ts';
import { editStability } from '../../engine/pez/swap-selection.ts';

const clip = await loadClip('pico-clip');
const prompt = 'a tiger in the snow';
const word = (text: string): SwapSelection => ({ mode: 'word', word: text });
const run = (options: Partial<SwapOptions>) =>
  swapConcepts(clip, { prompt, swaps: [{ select: word('tiger'), to: 'house' }], steps: 5, restarts: 2, ...options });
const first = async (select: SwapSelection, to: string, options: Partial<SwapOptions> = {}) =>
  (await run({ ...options, swaps: [{ select, to }] })).prompts[0];

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const embed = async (text: string) => (await clip.text.encode([text]))[0];
const cosine = async (a: string, b: string) => dot(await embed(a), await embed(b));

test('a word is swapped: nearer to what came, farther from what went', async () => {
  const swapped = await first(word('tiger'), 'house');
  expect(swapped).toMatchObject({ prompt: 'a house in the snow', swapped: { from: 'tiger', to: 'house' } });
  expect(swapped.ids).toEqual(clip.tokenizer.encode(swapped.prompt));
  expect(await cosine(swapped.prompt, 'house')).toBeGreaterThan((await cosine(prompt, 'house')) + 0.2);
  expect(await cosine(swapped.prompt, 'tiger')).toBeLessThan((await cosine(prompt, 'tiger')) - 0.2);
});

test('every place of a word, and phrases of several words, are found', async () => {
  const twice = { prompt: 'a snow leopard beside a snow leopard, flat' };
  expect((await first(word('snow leopard'), 'fox', twice)).prompt).toBe('a fox beside a fox, flat');
});

test('a mark after the word stays, and a word in several tokens goes whole', async () => {
  expect((await first(word('snowstorm'), 'rain', { prompt: 'a snowstorm, at night' })).prompt).toBe('a rain, at night');
});

test.each<[string, SwapSelection, string, string]>([
  ['insertion at a position', { mode: 'position', start: 1, count: 0 }, 'white', 'a white tiger in the snow'],
  ['insertion at the end', { mode: 'position', start: -1, count: 0 }, 'at night', 'a tiger in the snow at night'],
  ['insertion before the first word', word(''), 'watercolor of', 'watercolor of a tiger in the snow'],
  ['replacement at a position', { mode: 'position', start: 2, count: 3 }, 'on fire', 'a tiger on fire'],
  ['removal of a word', word('tiger'), '', 'a in the snow'],
  ['removal at a position', { mode: 'position', start: 2, count: 3 }, '', 'a tiger'],
  ['an article that is there already', word('tiger'), 'a racing car', 'a racing car in the snow'],
])('%s', async (_, select, to, expected) => {
  expect((await first(select, to)).prompt).toBe(expected);
});

test('a position inside a word means the word', async () => {
  const inside = { mode: 'position', start: 2, count: 1 } as const; // "storm" of "snowstorm"
  expect((await first(inside, 'rain', { prompt: 'a snowstorm' })).prompt).toBe('a rain');
});

test('auto finds the subject', async () => {
  expect((await first({ mode: 'auto' }, 'house')).prompt).toBe('a house in the snow');
});

test('auto finds the words of a named concept', async () => {
  const options = { prompt: 'watercolor of a red house with a garden' };
  expect((await first({ mode: 'auto' }, 'pizza', options)).swapped.from).toBe('watercolor');
  expect((await first({ mode: 'auto', concept: 'building' }, 'pizza', options)).swapped.from).toBe('house');
});

test('several replacements give several prompts, all from the original', async () => {
  const swaps = ['house', 'car', 'dog'].map((to) => ({ select: word('tiger'), to }));
  const { prompts } = await run({ swaps });
  expect(prompts.map((p) => p.prompt)).toEqual(['house', 'car', 'dog'].map((to) => `a ${to} in the snow`));
});

test('contributions: one a token, and the subject carries the most', async () => {
  const contributions = await measureContributions(clip, prompt);
  expect(contributions.map((c) => c.id)).toEqual(clip.tokenizer.encode(prompt));
  const most = contributions.toSorted((a, b) => b.contribution - a.contribution)[0];
  expect(most.token).toBe('tiger');
  expect(most.contribution).toBeCloseTo(1 - (await cosine(prompt, 'a in the snow')), 4);
  expect((await run({})).contributions).toEqual(contributions);
});

test('edit stability: 1 where only the concept changed, less where other words change too', async () => {
  expect((await first(word('tiger'), 'tiger')).editStability).toBeCloseTo(1, 5);
  const [p, c] = [await embed(prompt), await embed('tiger')];
  const moved = p.map((x, i) => x + 0.7 * c[i]);
  expect(editStability(p, moved, [c])).toBeCloseTo(1, 4);
  expect(
    editStability(
      p,
      p.map((x) => -x),
      [c],
    ),
  ).toBeCloseTo(-1, 4);
  const little = await first(word('tiger'), 'leopard');
  const much = await first({ mode: 'position', start: 1, count: 4 }, 'leopard on a motorcycle');
  expect(little.editStability).toBeGreaterThan(much.editStability);
});

test('restore keeps what came in its place, is never worse, and with one seed the same', async () => {
  const restored = await first(word('tiger'), 'house', { restore: true });
  expect(await first(word('tiger'), 'house', { restore: true })).toEqual(restored);
  expect(restored.prompt.split(' ')[1]).toBe('house');
  expect(restored.prompt).not.toMatch(/tiger/);
  expect(restored.ids).toEqual(clip.tokenizer.encode(restored.prompt));
  expect(restored.similarity).toBeGreaterThanOrEqual(restored.unrestoredSimilarity - 1e-6);
});

test('restore towards a style: the prompt comes nearer to it', async () => {
  const restored = await first(word('tiger'), 'house', { restore: true, style: { text: 'watercolor' } });
  expect(restored.similarity).toBeGreaterThan(restored.unrestoredSimilarity + 0.05);
  expect(restored.prompt.split(' ')[1]).toBe('house');
});

test('an abort while restoring leaves every swap done', async () => {
  const controller = new AbortController();
  const swaps = ['house', 'car'].map((to) => ({ select: word('tiger'), to }));
  let last = 0;
  const onProgress = ({ step }: { step: number }) => {
    last = step;
    if (step === 2) controller.abort();
  };
  const result = await run({ swaps, restore: true, steps: 5000, signal: controller.signal, onProgress });
  expect(result.aborted).toBe(true);
  expect(last).toBe(2);
  expect(result.prompts[1].prompt).toBe('a car in the snow');
});

test('aborted before it began, it is the signal’s reason', async () => {
  await expect(run({ signal: AbortSignal.abort(new Error('not now')) })).rejects.toThrow('not now');
});

const full = Array(75).fill('tiger').join(' ');
test.each<[string, Partial<SwapOptions>, RegExp]>([
  ['a word that is not there', { swaps: [{ select: word('fox'), to: 'x' }] }, /word.*a tiger in the snow.*fox/],
  ['an empty prompt', { prompt: ' ' }, /prompt.*not empty/],
  ['a prompt beyond the context', { prompt: `${full} tiger` }, /at most 75 tokens/],
  ['a swap beyond the context', { prompt: full, swaps: [{ select: word(''), to: 'a' }] }, /at most 75 tokens.*has 76/],
  ['nothing left', { prompt: 'tiger', swaps: [{ select: word('tiger'), to: '' }] }, /nothing else/],
  ['no swap', { swaps: [] }, /swaps.*at least one/],
  ['a position behind the end', { swaps: [{ select: { mode: 'position', start: 9, count: 1 }, to: 'x' }] }, /start/],
  ['an unknown selection', { swaps: [{ select: { mode: 'all' } as never, to: 'x' }] }, /word, position, auto/],
])('%s: OPTION_INVALID with a clear message', async (_, options, message) => {
  await expect(run(options)).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: expect.stringMatching(message),
  });
});
