// KSampler's promises: denoise, img2img, cancel, progress, previews, release, and clear words for bad input.
import { type Checkpoint, loadCheckpoint } from '../../engine/diffusion/checkpoint.ts';
import type { Conditioning } from '../../engine/diffusion/conditioning.ts';
import { emptyLatent, type Latent } from '../../engine/diffusion/latent.ts';
import { createNoise } from '../../engine/diffusion/noise.ts';
import { makePreviewer } from '../../engine/diffusion/preview.ts';
import { type SampleOptions, type SampleProgress, sample } from '../../engine/diffusion/sample.ts';
import { samplerNames } from '../../engine/diffusion/samplers.ts';
import { scheduleNames } from '../../engine/diffusion/schedules.ts';
import { checkpointDir, relativeError } from './fixture.ts';

let checkpoint: Checkpoint;
let positive: Conditioning;
const empty = emptyLatent({ width: 64, height: 64 });
const content: Latent = {
  shape: [1, 4, 8, 8],
  data: createNoise(9, 256)(),
};

beforeAll(async () => {
  checkpoint = await loadCheckpoint(checkpointDir('sd15'));
  positive = await checkpoint.clip.encode('red cat');
});
afterAll(() => checkpoint.release());

const run = (options: Partial<SampleOptions> = {}) =>
  sample({
    model: checkpoint.model,
    positive,
    negative: positive,
    latent: empty,
    seed: 5,
    steps: 3,
    cfg: 1,
    sampler: 'euler',
    scheduler: 'normal',
    ...options,
  });

test('every sampler runs over every schedule', async () => {
  for (const sampler of samplerNames)
    for (const scheduler of scheduleNames) {
      const { data } = await run({ sampler, scheduler, steps: 2 });
      expect(data.every(Number.isFinite)).toBe(true);
    }
});

test('denoise 0 gives the latent back, a copy of it', async () => {
  const result = await run({ latent: content, denoise: 0 });
  expect(result).toEqual(content);
  expect(result.data).not.toBe(content.data);
});

test('less denoise stays closer to the latent', async () => {
  const distance = async (denoise: number) =>
    relativeError((await run({ latent: content, denoise })).data, content.data);
  expect(await distance(0.05)).toBeLessThan(await distance(0.9));
});

test('progress counts the steps and shows the estimate, the last one being the result', async () => {
  const seen: SampleProgress[] = [];
  const result = await run({ onStep: (progress) => seen.push(progress) });
  expect(seen.map(({ step, steps }) => `${step}/${steps}`)).toEqual(['1/3', '2/3', '3/3']);
  expect(seen[2].denoised()).toEqual(result);
});

test('an abort ends the run within one step, with the reason', async () => {
  const stop = new AbortController();
  let steps = 0;
  const aborted = run({
    steps: 50,
    signal: stop.signal,
    onStep: () => {
      if (++steps === 2) setImmediate(() => stop.abort(new Error('interrupted')));
    },
  });
  await expect(aborted).rejects.toThrow('interrupted');
  expect(steps).toBe(2);
  await expect(checkpoint.vae.decode(content, stop.signal)).rejects.toThrow('interrupted');
});

test('an empty latent fits itself to the model; one with content does not', async () => {
  const wide: Latent = emptyLatent({ width: 64, height: 64, channels: 16, scale: 8 });
  expect((await run({ latent: wide })).shape).toEqual([1, 4, 8, 8]);
  const fine = emptyLatent({ width: 64, height: 64, scale: 4 });
  expect(fine.shape).toEqual([1, 4, 16, 16]);
  expect((await run({ latent: fine })).shape).toEqual([1, 4, 8, 8]);
  const other: Latent = { shape: [1, 16, 8, 8], data: new Float32Array(1024).fill(1) };
  await expect(run({ latent: other })).rejects.toThrow('A latent for this model must have 4 channels, but has 16.');
});

test.each([
  [{ sampler: 'heun' }, 'sampler must be one of euler, euler_ancestral'],
  [{ sampler: 'constructor' }, ', but is "constructor".'],
  [{ scheduler: 'cosine' }, 'scheduler must be one of normal'],
  [{ cfg: Number.NaN }, 'cfg must be a finite number, but is NaN.'],
  [{ seed: -1 }, 'seed must be a whole number from 0 to 18446744073709551615, but is -1.'],
  [{ seed: 1.5 }, ', but is 1.5.'],
  [{ seed: 2n ** 64n }, ', but is 18446744073709551616.'],
  [
    { positive: [] },
    'The positive conditioning must have at least one part (encode a text, which may be empty), but has 0.',
  ],
  [
    { latent: { shape: [1, 4, 8, 8] as const, data: new Float32Array(3) } },
    'must have 256 numbers to fill its shape [1,4,8,8], but has 3.',
  ],
  [
    { latent: { shape: [1, 4, 0, 8] as const, data: new Float32Array(0) } },
    'must be of shape [batch, channels, height, width], but is [1,4,0,8].',
  ],
  [
    { noise: { start: new Float32Array(3) } },
    'The noise must have as many numbers as the latent, which are 256, but has 3.',
  ],
])('refuses %p', async (options, message) => {
  await expect(run(options)).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: expect.stringContaining(message),
  });
});

test("a conditioning of another model is refused in onnxruntime's words, naming the file", async () => {
  const part = { states: new Float32Array(77 * 8), length: 77, width: 8 };
  await expect(run({ positive: [part] })).rejects.toThrow(/unet.*takes only|cannot run .*unet/s);
});

test('pictures that are not a multiple of 8 lose their edges, and pictures too small are refused', async () => {
  const picture = (height: number, width: number) => ({
    shape: [1, height, width, 3] as const,
    data: Float32Array.from({ length: height * width * 3 }, (_, i) => (i % 7) / 7),
  });
  const odd = picture(70, 66);
  const latent = await checkpoint.vae.encode(odd);
  expect(latent.shape).toEqual([1, 4, 8, 8]);
  const middle = new Float32Array(64 * 64 * 3);
  for (let y = 0; y < 64; y++) middle.set(odd.data.subarray(((y + 3) * 66 + 1) * 3, ((y + 3) * 66 + 65) * 3), y * 192);
  expect(await checkpoint.vae.encode({ shape: [1, 64, 64, 3], data: middle })).toEqual(latent);
  await expect(checkpoint.vae.encode(picture(7, 64))).rejects.toThrow('sides of at least 8');
});

test('the alpha of a picture is left out', async () => {
  const rgb = new Float32Array(64 * 64 * 3).fill(0.25);
  const rgba = Float32Array.from({ length: 64 * 64 * 4 }, (_, i) => (i % 4 === 3 ? 0.9 : 0.25));
  expect(await checkpoint.vae.encode({ shape: [1, 64, 64, 4], data: rgba })).toEqual(
    await checkpoint.vae.encode({ shape: [1, 64, 64, 3], data: rgb }),
  );
});

test('a preview is nearer to the decoded picture than grey is', async () => {
  const preview = await makePreviewer(checkpoint.vae);
  const latent: Latent = { shape: [1, 4, 8, 8], data: content.data.map((v) => v / 0.18215) };
  const [small, whole] = [preview(latent), await checkpoint.vae.decode(latent)];
  expect(small.shape).toEqual([1, 8, 8, 3]);
  let [error, grey] = [0, 0];
  for (let y = 0; y < 64; y++)
    for (let x = 0; x < 64; x++)
      for (let c = 0; c < 3; c++) {
        const pixel = whole.data[3 * (64 * y + x) + c];
        error += (small.data[3 * (8 * (y >> 3) + (x >> 3)) + c] - pixel) ** 2;
        grey += (0.5 - pixel) ** 2;
      }
  expect(error).toBeLessThan(grey);
  expect(preview(latent)).toEqual(small);
});

test('a released checkpoint works again when it is asked', async () => {
  const before = await run();
  await checkpoint.release();
  expect(await run()).toEqual(before);
});

test('a release waits for the run that goes on', async () => {
  const running = run({ steps: 5 });
  await checkpoint.release();
  expect((await running).data.every(Number.isFinite)).toBe(true);
});
