// The nodes that draw, on tiny checkpoints with random weights: each against the engine, what they show, and their errors.
import { jest } from '@jest/globals';
import sharp from 'sharp';
import { emptyLatent, type Latent } from '../../engine/diffusion/latent.ts';
import { sample } from '../../engine/diffusion/sample.ts';
import { makeBatch } from '../../engine/image/batch.ts';
import { makeContext, nodeOf, runNode, type TestContext, testCheckpoint, testClip } from '../helpers/node-context.ts';

const contexts: TestContext[] = [];
const context = (options?: Parameters<typeof makeContext>[0]) => {
  contexts.push(makeContext(options));
  return contexts.at(-1)!;
};
afterAll(() => {
  for (const c of contexts) c.close();
});
const outputs = async (type: string, inputs: Record<string, unknown>, where = context()) =>
  (await runNode(type, inputs, where)).outputs;

const load = (ckpt_name = 'sd15') => outputs('CheckpointLoaderSimple', { ckpt_name });
const encode = async (text: string, clip: unknown) => (await outputs('CLIPTextEncode', { text, clip })).CONDITIONING;

/** Inputs of a KSampler on a 64 × 64 latent. */
async function settings(more: Record<string, unknown> = {}) {
  const { MODEL, CLIP } = await load();
  const { LATENT } = await outputs('EmptyLatentImage', { width: 64, height: 64 });
  const [positive, negative] = [await encode('a red cat', CLIP), await encode('', CLIP)];
  return { model: MODEL, positive, negative, latent_image: LATENT, seed: 5, steps: 4, cfg: 5, ...more };
}

test('prompt, sampler and VAE as nodes give what the engine gives', async () => {
  const { MODEL, CLIP, VAE } = await load();
  const { model, clip, vae } = await testCheckpoint();
  const latent = (await outputs('KSampler', { ...(await settings()), scheduler: 'karras' })).LATENT;
  const expected = await sample({
    model,
    positive: await clip.encode('a red cat'),
    negative: await clip.encode(''),
    latent: emptyLatent({ width: 64, height: 64 }),
    seed: 5,
    steps: 4,
    cfg: 5,
    sampler: 'euler',
    scheduler: 'karras',
  });
  expect(latent).toEqual(expected);
  const { IMAGE } = await outputs('VAEDecode', { samples: latent, vae: VAE });
  expect(IMAGE).toEqual(await vae.decode(expected));
  expect(IMAGE.shape).toEqual([1, 64, 64, 3]);
  const encoded = (await outputs('VAEEncode', { pixels: IMAGE, vae: VAE })).LATENT;
  expect(encoded.shape).toEqual([1, 4, 8, 8]);
  expect(MODEL.unet).toBe(model.unet);
  expect(CLIP).toBe(clip);
});

test('a batch gives as many pictures; seeds above 2⁵³ count in full', async () => {
  const two = await outputs('EmptyLatentImage', { width: 64, height: 64, batch_size: 2 });
  const at = async (seed: number | bigint, latent_image: Latent = two.LATENT) =>
    (await outputs('KSampler', await settings({ seed, latent_image, steps: 1 }))).LATENT as Latent;
  const large = await at(2n ** 64n - 1n);
  expect(large.shape).toEqual([2, 4, 8, 8]);
  expect(await at(2n ** 64n - 1n)).toEqual(large);
  expect((await at(2n ** 64n - 2n)).data).not.toEqual(large.data);
});

test('conditionings are averaged, put one behind the other, and combined', async () => {
  const { CLIP } = await load();
  const [a, b] = [await encode('cat', CLIP), await encode('dog', CLIP)];
  const average = (strength: number) =>
    outputs('ConditioningAverage', { conditioning_to: a, conditioning_from: b, conditioning_to_strength: strength });
  expect((await average(1)).CONDITIONING[0].states).toEqual(a[0].states);
  expect((await average(0)).CONDITIONING[0].states).toEqual(b[0].states);
  const concat = await outputs('ConditioningConcat', { conditioning_to: a, conditioning_from: b });
  expect(concat.CONDITIONING[0].length).toBe(a[0].length + b[0].length);
  const combined = await outputs('ConditioningCombine', { conditioning_1: a, conditioning_2: b });
  expect(combined.CONDITIONING).toEqual([...a, ...b]);
});

test.each([
  [{ width: 128, height: 64 }, [1, 4, 8, 16]],
  [{ width: 0, height: 128 }, [1, 4, 16, 16]],
  [{ width: 16, height: 128 }, [1, 4, 16, 8]],
  [{ width: 0, height: 0 }, [1, 4, 8, 8]],
])('Upscale Latent to %j pixels gives %j', async (size, shape) => {
  const samples = emptyLatent({ width: 64, height: 64 });
  expect((await outputs('LatentUpscale', { samples, ...size })).LATENT.shape).toEqual(shape);
});

test('every step moves the progress bar, and an interrupt ends the node with that step', async () => {
  const where = context();
  await outputs('KSampler', await settings(), where);
  expect(where.shown.progress).toEqual([1, 2, 3, 4].map((step) => [step, 4]));
  const reason = new Error('interrupted');
  const interrupted = context({ onProgress: (step, c) => step === 2 && c.abort(reason) });
  await expect(outputs('KSampler', await settings({ steps: 10_000 }), interrupted)).rejects.toBe(reason);
  expect(interrupted.shown.progress).toHaveLength(2);
});

test('a run that takes a while shows previews, enlarged to the size of the picture; a quick one shows none', async () => {
  let now = 0;
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => (now += 300));
  const slow = context();
  const inputs = await settings();
  const seen = (await outputs('KSampler', inputs, slow)).LATENT;
  clock.mockReturnValue(now);
  const quick = context();
  const unseen = (await outputs('KSampler', inputs, quick)).LATENT;
  clock.mockRestore();
  expect(slow.shown.previews.length).toBeGreaterThan(0);
  expect(await sharp(slow.shown.previews[0]).metadata()).toMatchObject({ format: 'jpeg', width: 64, height: 64 });
  expect(quick.shown.previews).toHaveLength(0);
  expect(seen).toEqual(unseen);
});

test('the wrong kind of CLIP is told what to connect instead', async () => {
  const { CLIP } = await load();
  const images = makeBatch([1, 8, 8, 3]);
  await expect(outputs('CLIPTextEncode', { text: 'a cat', clip: await testClip() })).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: expect.stringMatching(/connect the CLIP of Load Checkpoint here/),
  });
  for (const [type, inputs] of Object.entries({
    PEZInvert: { images },
    PromptBlend: { prompts: 'a\nb' },
    TokenSwap: { prompt: 'a cat' },
    DistilPrompt: { text: 'a cat' },
    CLIPSimilarity: { texts_a: 'a', texts_b: 'b' },
  }))
    await expect(outputs(type, { ...inputs, clip: CLIP })).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringMatching(
        /has no picture tower: connect Load CLIP here, .* openai\/clip-vit-large-patch14 \(ViT-L\/14, a download of 1\.7 GB\)/,
      ),
    });
});

test('a latent of another kind of model is refused, an empty one fits itself', async () => {
  const empty = emptyLatent({ width: 64, height: 64, channels: 16 });
  const drawn = (await outputs('KSampler', await settings({ latent_image: empty, steps: 1 }))).LATENT;
  expect(drawn.shape).toEqual([1, 4, 8, 8]);
  const full = { shape: empty.shape, data: empty.data.map(() => 1) };
  await expect(outputs('KSampler', await settings({ latent_image: full }))).rejects.toThrow(
    /must have 4 channels, but has 16/,
  );
});

test('widgets have ComfyUI’s defaults and ranges', () => {
  const { seed, steps, cfg, denoise, sampler_name } = nodeOf('KSampler').inputs;
  expect(seed.options).toMatchObject({ default: 0, max: 2n ** 64n - 1n, control_after_generate: true });
  expect(steps.options).toMatchObject({ default: 20, min: 1, max: 10_000 });
  expect(cfg.options).toMatchObject({ default: 8, min: 0, max: 100, step: 0.1, round: 0.01 });
  expect(denoise.options).toMatchObject({ default: 1, min: 0, max: 1, step: 0.01 });
  expect(sampler_name).toMatchObject({ legacyCombo: true });
  expect(Object.keys(nodeOf('KSampler').inputs)).toEqual(
    'model seed steps cfg sampler_name scheduler positive negative latent_image denoise'.split(' '),
  );
});

test('ModelSamplingDiscrete says what the model predicts', async () => {
  const { MODEL } = await load();
  const as = async (sampling: string, zsnr = false) =>
    (await outputs('ModelSamplingDiscrete', { model: MODEL, sampling, zsnr })).MODEL;
  expect((await as('v_prediction')).levels.prediction).toBe('v_prediction');
  expect((await as('eps')).levels.sigmaMax).toBeCloseTo(MODEL.levels.sigmaMax, 10);
  expect((await as('eps', true)).levels.sigmaMax).toBeGreaterThan(4000);
  const drawn = async (model: unknown) => (await outputs('KSampler', await settings({ model }))).LATENT;
  expect(await drawn(await as('eps'))).toEqual(await drawn(MODEL));
  expect(await drawn(await as('x0'))).not.toEqual(await drawn(MODEL));
});

test('CLIP Set Last Layer reads an earlier layer, where the export has its output', async () => {
  const skip = async (clip: unknown, stop_at_clip_layer: number) =>
    (await outputs('CLIPSetLastLayer', { clip, stop_at_clip_layer })).CLIP;
  const xl = (await testCheckpoint('sdxl')).clip;
  expect(await encode('cat', await skip(xl, -2))).toEqual(await encode('cat', xl));
  expect(await encode('cat', await skip(xl, -1))).not.toEqual(await encode('cat', xl));
  const { CLIP } = await load();
  expect(await encode('cat', await skip(CLIP, -1))).toEqual(await encode('cat', CLIP));
  await expect(encode('cat', await skip(CLIP, -2))).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: expect.stringContaining('layer -2 needs hidden_states.N of each layer'),
  });
  await expect(skip(await testClip(), -2)).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
});
