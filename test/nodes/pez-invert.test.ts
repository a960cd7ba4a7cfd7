// PEZ Invert on a real picture and the bundled CLIP: what it gives, what it shows while it runs, how it ends.
import { jest } from '@jest/globals';
import sharp from 'sharp';
import { batchOf } from '../../engine/image/batch.ts';
import { decodeFrames } from '../../engine/image/decode-frames.ts';
import type { ImageBatch } from '../../nodes/values.ts';
import { makeContext, nodeOf, runNode, type TestContext, testClip } from '../helpers/node-context.ts';

const load = async (path: string): Promise<ImageBatch> => {
  const { width, height, colours } = await decodeFrames(path, path);
  return batchOf(colours.map((data) => ({ data, width, height, channels: 3 })));
};
let tiger: ImageBatch;
beforeAll(async () => {
  tiger = await load('examples/tiger.png');
});
const contexts: TestContext[] = [];
const context = (options?: Parameters<typeof makeContext>[0]) => {
  contexts.push(makeContext(options));
  return contexts.at(-1)!;
};
afterAll(() => {
  for (const c of contexts) c.close();
});

/** Few steps; length 6 keeps one compiled session for the whole file. */
const quick = { length: 6, steps: 6, restarts: 2, polish: 1, seed: 3 };
const inputs = async (more: Record<string, unknown> = {}) => ({
  images: tiger,
  clip: await testClip(),
  ...quick,
  ...more,
});
const invert = async (more: Record<string, unknown> = {}, where = context()) =>
  (await runNode('PEZInvert', await inputs(more), where)).outputs;

test('a picture becomes a prompt whose similarity, tokens, plot and candidates belong together', async () => {
  const where = context();
  const clip = await testClip();
  const { outputs, ui } = await runNode('PEZInvert', await inputs(), where);
  const { prompt, similarity, tokens, plot, candidates } = outputs;
  expect(clip.tokenizer.encode(prompt)).toEqual(tokens.ids);
  expect(tokens).toMatchObject({ prompt, similarity });
  const [[text], [image]] = [await clip.text.encode([prompt]), await clip.image.encode(['examples/tiger.png'])];
  expect(text.reduce((sum, x, i) => sum + x * image[i], 0)).toBeCloseTo(similarity, 4);
  expect(plot.shape).toEqual([1, 560, 1120, 3]);
  expect(candidates[0]).toBe(prompt);
  expect(candidates.length).toBeGreaterThan(1);
  expect(ui.text).toEqual([prompt]);
  expect(ui.candidates[0]).toEqual({ prompt, similarity: expect.closeTo(similarity, 3) });
  const [{ steps, best, similarities }] = ui.search;
  expect([best.length, similarities.length]).toEqual([steps.length, steps.length]);
  expect(best.at(-1)).toBeCloseTo(similarity, 3);
  expect(where.shown.texts.at(-1)).toBe(`${similarity.toFixed(4)}  ${prompt}`);
});

test('every step moves the progress bar', async () => {
  const where = context();
  await invert({ early_stop: 0 }, where);
  expect(where.shown.progress).toEqual(where.shown.progress.map((_, i) => [i + 1, 7]));
  expect(where.shown.progress.length).toBeGreaterThanOrEqual(6);
});

test('a search that takes a while shows previews of its plot, and none after it has ended', async () => {
  // A clock that runs fast stands for a search that takes long.
  let now = 0;
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => (now += 600));
  const where = context();
  await invert({}, where);
  clock.mockRestore();
  const count = where.shown.previews.length;
  expect(count).toBeGreaterThan(0);
  expect(await sharp(where.shown.previews[0]).metadata()).toMatchObject({ format: 'jpeg', width: 512 });
  await invert({}, context());
  expect(where.shown.previews).toHaveLength(count);
});

test('an interrupt ends the node within a step, with the reason of the interrupt', async () => {
  const reason = new Error('interrupted');
  const where = context({ onProgress: (step, c) => step === 3 && c.abort(reason) });
  await expect(invert({ steps: 100_000 }, where)).rejects.toBe(reason);
  expect(where.shown.progress).toHaveLength(3);
});

test('the same seed gives the same prompt; seeds beyond what a double counts are taken too', async () => {
  const [a, b] = [await invert(), await invert()];
  expect(b.prompt).toBe(a.prompt);
  const [high, folded] = [await invert({ seed: 2n ** 64n - 1n }), await invert({ seed: 2 ** 53 - 1 })];
  expect(high.prompt).toBe(folded.prompt);
});

test('template, block, anchors and lists are obeyed', async () => {
  const { prompt, candidates } = await invert({
    length: 4,
    template: 'a drawing of {}',
    block: 'tiger, cat\nface',
    anchors: 0,
    top_k: 2,
  });
  expect(prompt).toMatch(/^a drawing of /);
  expect(candidates.length).toBeLessThanOrEqual(2);
  expect(prompt).not.toMatch(/tiger|cat|face/);
});

test('a batch, texts and what to keep away from all count', async () => {
  const house = await load('examples/house.png');
  const images = (await runNode('ImageBatch', { image1: tiger, image2: house }, context())).outputs.IMAGE;
  const { similarity } = await invert({
    images,
    image_weights: '1, 0.5',
    texts: 'a tiger\nan orange cat',
    negative_prompt: 'a car',
    negative_weight: 0.3,
  });
  expect(similarity).toBeGreaterThan(-1);
  await expect(invert({ images, image_weights: '1' })).rejects.toThrow(/image_weights has 1 numbers for 2 pictures/);
});

test('the official preset has the authors’ settings, whatever is set below', async () => {
  const where = context({ onProgress: (_, c) => c.abort(new Error('enough')) });
  await expect(invert({ preset: 'official' }, where)).rejects.toThrow('enough');
  expect(where.shown.progress).toEqual([[1, 3000]]);
});

test.each([
  [{ template: 'no place for it' }, 'OPTION_INVALID'],
  [{ length: 500 }, 'OPTION_INVALID'],
  [{ image_weights: 'one' }, 'OPTION_INVALID'],
  [{ allow: 'zzzzqq', block: 'z' }, 'VOCABULARY_EMPTY'],
])('%j is refused with %s', async (wrong, code) => {
  await expect(invert(wrong)).rejects.toMatchObject({ code });
});

test('every default is the engine’s: the widgets left alone, or not sent at all, give the same prompt', async () => {
  const { inputs: declared } = nodeOf('PEZInvert');
  const all = Object.entries(declared).map(([name, input]) => [name, input.options.default] as const);
  const defaults = Object.fromEntries(all.filter(([, value]) => value !== undefined));
  const short = { length: 6, steps: 4, restarts: 2, seed: 1 };
  const sent = await invert({ ...defaults, ...short });
  const { polish: _, ...required } = { ...(await inputs()), ...short };
  const left = (await runNode('PEZInvert', required, context())).outputs;
  expect(sent.prompt).toBe(left.prompt);
});
