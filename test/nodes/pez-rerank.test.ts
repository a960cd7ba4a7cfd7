// PEZ Rerank on a tiny checkpoint with the bundled CLIP as judge: it finds the prompt that a picture was drawn from.
import { jest } from '@jest/globals';
import { emptyLatent } from '../../engine/diffusion/latent.ts';
import { sample } from '../../engine/diffusion/sample.ts';
import { allBytesOf, joinBatches } from '../../engine/image/batch.ts';
import type { ImageBatch } from '../../nodes/values.ts';
import { makeContext, nodeOf, type TestContext, testCheckpoint, testClip } from '../helpers/node-context.ts';

const contexts: TestContext[] = [];
const context = (options?: Parameters<typeof makeContext>[0]) => {
  contexts.push(makeContext(options));
  return contexts.at(-1)!;
};
afterAll(() => {
  for (const c of contexts) c.close();
});

const prompts = ['a red cat', 'galaxy in a bottle', 'house'];
const size = { width: 64, height: 64 };
const settings = { steps: 2, cfg: 5, sampler_name: 'euler', scheduler: 'normal', denoise: 1, negative: '' };

/** What the checkpoint draws from a prompt and a seed. */
async function draw(prompt: string, seed: number | bigint): Promise<ImageBatch> {
  const { model, clip, vae } = await testCheckpoint();
  const [positive, negative] = [await clip.encode(prompt), await clip.encode('')];
  const { steps, cfg, sampler_name: sampler, scheduler } = settings;
  const latent = emptyLatent(size);
  return vae.decode(await sample({ model, positive, negative, latent, seed, steps, cfg, sampler, scheduler }));
}

/** Runs the node as the executor does: every input is a list. */
async function rerank(more: Record<string, unknown> = {}, where = context()) {
  const { model, clip, vae } = await testCheckpoint();
  const judge = await testClip();
  const sockets = { judge, model, clip, vae, latent_image: emptyLatent(size), source: await draw(prompts[1], 5) };
  const inputs = { ...sockets, ...settings, count: 5, seeds: 1, seed: 5, ...more };
  const lists = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, [value]]));
  // biome-ignore lint/suspicious/noExplicitAny: outputs are what is tested
  return (await nodeOf('PEZRerank').run({ candidates: prompts, ...lists, ...listsOf(more) }, where)) as any;
}
const listsOf = ({ candidates }: Record<string, unknown>) => (candidates ? { candidates } : {});

test('the prompt that drew the source is kept, with its picture, and all pictures are handed on', async () => {
  const { outputs, ui } = await rerank();
  expect(outputs.prompt).toBe(prompts[1]);
  expect(outputs.similarity).toBeCloseTo(1, 5);
  expect(outputs.image).toEqual(await draw(prompts[1], 5));
  expect(outputs.images.shape).toEqual([3, 64, 64, 3]);
  expect(ui.text[0].split('\n')[2]).toContain(prompts[1]);
  expect(ui.text[0].split('\n')).toHaveLength(5);
});

test('similarity is the mean over seeds and sources', async () => {
  const sources = [await draw(prompts[0], 1), await draw(prompts[2], 2)];
  const { outputs } = await rerank({
    candidates: ['fish'],
    seed: 2n ** 64n - 1n,
    seeds: 2,
    source: joinBatches(sources),
  });
  const drawn = [await draw('fish', 2n ** 64n - 1n), await draw('fish', 0)];
  const judge = await testClip();
  const embed = async (image: ImageBatch) => (await judge.image.encode(allBytesOf(image)))[0];
  const targets = [await embed(sources[0]), await embed(sources[1])];
  const cosines = [];
  for (const picture of drawn) {
    const vector = await embed(picture);
    cosines.push(vector.reduce((sum, x, i) => sum + (x * (targets[0][i] + targets[1][i])) / 2, 0));
  }
  expect(outputs.similarity).toBeCloseTo((cosines[0] + cosines[1]) / 2, 5);
  expect(outputs.image).toEqual(drawn[cosines.indexOf(Math.max(...cosines))]);
});

test('only `count` candidates are drawn, equal and empty ones once or not at all', async () => {
  const where = context();
  const { outputs } = await rerank({ candidates: ['cat', ' cat ', '', 'dog', 'fish'], count: 4 }, where);
  expect(outputs.images.shape[0]).toBe(2);
  expect(where.shown.progress).toEqual([1, 2, 3, 4].map((step) => [step, 4]));
  expect(where.shown.texts.at(-1)).toContain(outputs.prompt);
});

test('an interrupt ends it within a step; what takes a while shows previews', async () => {
  const reason = new Error('interrupted');
  const where = context({ onProgress: (step, c) => step === 3 && c.abort(reason) });
  await expect(rerank({ steps: 50 }, where)).rejects.toBe(reason);
  expect(where.shown.progress).toHaveLength(3);
  let now = 0;
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => (now += 300));
  const slow = context();
  await rerank({}, slow);
  clock.mockRestore();
  expect(slow.shown.previews.length).toBeGreaterThan(0);
});

test('nothing to draw, and the wrong kind of CLIP, are told', async () => {
  const { clip } = await testCheckpoint();
  await expect(rerank({ candidates: [' '] })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  await expect(rerank({ judge: clip })).rejects.toThrow(/connect Load CLIP here/);
  await expect(rerank({ clip: await testClip() })).rejects.toThrow(/connect the CLIP of Load Checkpoint here/);
});
