// Tiny checkpoints in the layouts of SD 1.5, SDXL and LCM: the numbers of diffusers for the same weights, noise and steps, to 1e-3.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadClipTokenizer } from '../../engine/clip/clip-tokenizer.ts';
import { type Checkpoint, loadCheckpoint } from '../../engine/diffusion/checkpoint.ts';
import type { Conditioning } from '../../engine/diffusion/conditioning.ts';
import { emptyLatent, type Latent } from '../../engine/diffusion/latent.ts';
import { type SampleOptions, sample } from '../../engine/diffusion/sample.ts';
import { embedGuidance } from '../../engine/diffusion/unet.ts';
import { checkpointDir, copyCheckpoint, type FlatArray, readFixture, relativeError } from './fixture.ts';

interface Reference {
  readonly prompt: string;
  readonly negative: string;
  readonly cfg: number;
  readonly noise: FlatArray;
  readonly states: FlatArray;
  readonly negativeStates: FlatArray;
  readonly pooled: FlatArray;
  readonly runs: Record<string, { timesteps: number[]; latent: FlatArray }>;
  readonly picture: FlatArray;
  readonly encoded: FlatArray;
  readonly tokens: { text: string; ids: number[] }[];
}

const loaded: Checkpoint[] = [];
const copies: string[] = [];

const load = async (dir: string, dtype?: string) => {
  const checkpoint = await loadCheckpoint(dir, { dtype });
  loaded.push(checkpoint);
  return checkpoint;
};

afterAll(async () => {
  for (const checkpoint of loaded) await checkpoint.release();
  for (const dir of copies) rmSync(dir, { recursive: true });
});

const asLatent = ({ dims, data }: FlatArray): Latent => ({
  shape: dims as unknown as Latent['shape'],
  data: Float32Array.from(data),
});
const latent = emptyLatent({ width: 64, height: 64 });

describe('SD 1.5', () => {
  const reference = readFixture<Reference>('sd15.json');
  let checkpoint: Checkpoint;
  let positive: Conditioning;
  let negative: Conditioning;

  beforeAll(async () => {
    checkpoint = await load(checkpointDir('sd15'));
    positive = await checkpoint.clip.encode(reference.prompt);
    negative = await checkpoint.clip.encode(reference.negative);
  });

  const run = (options: Partial<SampleOptions>, on = checkpoint) =>
    sample({
      model: on.model,
      positive,
      negative,
      latent,
      seed: 1,
      steps: 10,
      cfg: reference.cfg,
      sampler: 'euler',
      scheduler: 'normal',
      noise: { start: Float32Array.from(reference.noise.data) },
      ...options,
    });

  /** The same weights under another scheduler_config.json. */
  const withPrediction = async (prediction_type: string) => {
    const dir = copyCheckpoint('sd15');
    copies.push(dir);
    const path = join(dir, 'scheduler/scheduler_config.json');
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), prediction_type }));
    return load(dir);
  };

  test.each(reference.tokens)(
    'a tokenizer of vocab.json and merges.txt reads "$text" as transformers does',
    async ({ text, ids }) => {
      const tokenizer = await loadClipTokenizer(join(checkpoint.dir, 'tokenizer'));
      expect(tokenizer.frame(tokenizer.encode(text))).toEqual(ids);
    },
  );

  test('the prompt gives the hidden states of diffusers', () => {
    expect(positive).toHaveLength(1);
    expect([positive[0].length, positive[0].width]).toEqual(reference.states.dims.slice(1));
    expect(relativeError(positive[0].states, reference.states.data)).toBeLessThan(1e-4);
    expect(relativeError(negative[0].states, reference.negativeStates.data)).toBeLessThan(1e-4);
  });

  test.each([
    ['euler', { sampler: 'euler', scheduler: 'normal', steps: 10 }],
    ['ddim', { sampler: 'ddim', scheduler: 'simple', steps: 10 }],
    ['dpmpp_2m', { sampler: 'dpmpp_2m', scheduler: 'sgm_uniform', steps: 9 }],
    ['euler cfg 1', { cfg: 1, steps: 4 }],
  ])('%s ends where diffusers does', async (name, options) => {
    const { data } = await run(options);
    expect(relativeError(data, reference.runs[name].latent.data)).toBeLessThan(1e-3);
  });

  test.each(['v_prediction', 'sample'])('the same weights as %s end where diffusers does', async (prediction) => {
    const other = await withPrediction(prediction);
    const { data } = await run({}, other);
    expect(relativeError(data, reference.runs[`euler ${prediction}`].latent.data)).toBeLessThan(1e-3);
  });

  test('the latent decodes to the picture of diffusers, and that encodes to its latent', async () => {
    const picture = await checkpoint.vae.decode(asLatent(reference.runs.euler.latent));
    expect(picture.shape).toEqual([1, 64, 64, 3]);
    const planes = reference.picture.data; // [3, 64, 64]
    const pixels = Array.from(picture.data, (_, i) => planes[(i % 3) * 4096 + Math.floor(i / 3)]);
    expect(relativeError(picture.data, pixels)).toBeLessThan(1e-3);
    const back = await checkpoint.vae.encode(picture);
    expect(back.shape).toEqual([1, 4, 8, 8]);
    expect(relativeError(back.data, reference.encoded.data)).toBeLessThan(1e-3);
  });

  test('an export in float16 throughout, inputs and outputs too, ends near it', async () => {
    const half = await load(checkpointDir('sd15'), 'fp16');
    const [input] = (await half.model.unet.model.session()).inputMetadata;
    expect(input).toMatchObject({ name: 'sample', type: 'float16' });
    const states = await half.clip.encode(reference.prompt);
    expect(relativeError(states[0].states, reference.states.data)).toBeLessThan(5e-3);
    const { data } = await run({ positive: states }, half);
    expect(relativeError(data, reference.runs.euler.latent.data)).toBeLessThan(2e-2);
    const picture = await half.vae.decode(asLatent(reference.runs.euler.latent));
    const whole = await checkpoint.vae.decode(asLatent(reference.runs.euler.latent));
    expect(relativeError(picture.data, whole.data)).toBeLessThan(1e-2);
    expect(relativeError((await half.vae.encode(whole)).data, reference.encoded.data)).toBeLessThan(1e-2);
  });

  test('what float16 does not hold is an error, not a black picture', async () => {
    const half = await load(checkpointDir('sd15'), 'fp16');
    await expect(half.vae.decode({ shape: [1, 4, 8, 8], data: new Float32Array(256).fill(1e9) })).rejects.toMatchObject(
      {
        code: 'MODEL_INVALID',
        message: expect.stringContaining('overflows in float16'),
      },
    );
  });

  test('cfg 1 does not ask the negative', async () => {
    const odd = await checkpoint.clip.encode('something else');
    expect(await run({ cfg: 1, steps: 2, negative: odd })).toEqual(await run({ cfg: 1, steps: 2 }));
    expect(await run({ cfg: 2, steps: 2, negative: odd })).not.toEqual(await run({ cfg: 2, steps: 2 }));
  });

  test('guidance in one batch equals guidance in two runs', async () => {
    const long = await checkpoint.clip.encode(`${reference.negative} `.repeat(80)); // two windows: another length, so a run of its own
    const doubled = negative.map((part) => ({
      ...part,
      states: Float32Array.from([...part.states, ...part.states]),
      length: 2 * part.length,
    }));
    expect(long[0].length).toBe(154);
    // Attention over every token twice is attention over every token once.
    const [together, apart] = [await run({ steps: 3 }), await run({ steps: 3, negative: doubled })];
    expect(relativeError(apart.data, together.data)).toBeLessThan(1e-3);
  });

  test('combined conditionings average their predictions', async () => {
    const [together, alone] = [await run({ steps: 3, positive: [...positive, ...positive] }), await run({ steps: 3 })];
    expect(relativeError(together.data, alone.data)).toBeLessThan(1e-3);
  });

  test('each item of a batch is what it is alone', async () => {
    const noise = undefined;
    const pair = await run({ noise, latent: emptyLatent({ width: 64, height: 64, batch: 2 }), steps: 3 });
    const single = await run({ noise, steps: 3 });
    expect(relativeError(pair.data.slice(0, 256), single.data)).toBeLessThan(1e-3);
    expect(pair.data.slice(256)).not.toEqual(pair.data.slice(0, 256));
  });

  test.each(['euler_ancestral', 'dpmpp_2m_sde', 'euler'])(
    '%s gives the same bits for the same seed, others for another',
    async (sampler) => {
      const more = { noise: undefined, sampler, scheduler: 'karras', steps: 4 };
      const [first, again, other] = [await run(more), await run(more), await run({ ...more, seed: 2n ** 64n - 1n })];
      expect(again).toEqual(first);
      expect(other).not.toEqual(first);
    },
  );
});

describe('SDXL', () => {
  const reference = readFixture<Reference>('sdxl.json');
  let checkpoint: Checkpoint;

  beforeAll(async () => {
    checkpoint = await load(checkpointDir('sdxl'));
  });

  test('two encoders give the hidden states and the pooled embedding of diffusers', async () => {
    const [part] = await checkpoint.clip.encode(reference.prompt);
    expect([part.length, part.width]).toEqual([77, 24]);
    expect(relativeError(part.states, reference.states.data)).toBeLessThan(1e-4);
    expect(relativeError(part.pooled!, reference.pooled.data)).toBeLessThan(1e-4);
  });

  test('the second tokenizer pads with "!", and still reads one in a prompt', async () => {
    const tokenizer = await loadClipTokenizer(join(checkpoint.dir, 'tokenizer_2'));
    expect(tokenizer.padId).toBe(0);
    expect(tokenizer.encode('dog!')).toHaveLength(2);
  });

  test('euler ends where diffusers does, size conditioning included', async () => {
    const { data } = await sample({
      model: checkpoint.model,
      positive: await checkpoint.clip.encode(reference.prompt),
      negative: await checkpoint.clip.encode(reference.negative),
      latent,
      seed: 1,
      steps: 4,
      cfg: reference.cfg,
      sampler: 'euler',
      scheduler: 'normal',
      noise: { start: Float32Array.from(reference.noise.data) },
    });
    expect(relativeError(data, reference.runs.euler.latent.data)).toBeLessThan(1e-3);
  });

  test("an encoder that gives means and variances is read by its means, and the checkpoint's own scaling factor counts", async () => {
    const back = await checkpoint.vae.encode({ shape: [1, 64, 64, 3], data: new Float32Array(64 * 64 * 3).fill(0.5) });
    expect(back.shape).toEqual([1, 4, 8, 8]);
    expect(checkpoint.vae.config.scalingFactor).toBe(0.13025);
  });

  test('a conditioning without a pooled embedding is refused in words', async () => {
    const [part] = await checkpoint.clip.encode('red');
    const bare = [{ ...part, pooled: undefined }];
    const run = sample({
      model: checkpoint.model,
      positive: bare,
      negative: bare,
      latent,
      seed: 1,
      steps: 1,
      cfg: 2,
      sampler: 'euler',
      scheduler: 'normal',
    });
    await expect(run).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining('no pooled embedding'),
    });
  });
});

describe('LCM', () => {
  const reference = readFixture<{
    prompt: string;
    cfg: number;
    noise: FlatArray;
    noises: FlatArray;
    sigmas: number[];
    guidance: FlatArray;
    latent: FlatArray;
  }>('lcm.json');

  test('the guidance embedding is that of diffusers', () => {
    expect(relativeError(embedGuidance(reference.cfg - 1, 32), reference.guidance.data)).toBeLessThan(1e-3);
  });

  test('three steps end where diffusers does, guidance going in as an embedding', async () => {
    const checkpoint = await load(checkpointDir('lcm'));
    const conditioning = await checkpoint.clip.encode(reference.prompt);
    let step = 0;
    const { data } = await sample({
      model: checkpoint.model,
      positive: conditioning,
      negative: conditioning,
      latent,
      seed: 1,
      steps: 3,
      cfg: reference.cfg,
      sampler: 'lcm',
      scheduler: 'normal',
      sigmas: reference.sigmas,
      noise: {
        start: Float32Array.from(reference.noise.data),
        steps: () => Float32Array.from(reference.noises.data.slice(256 * step, 256 * ++step)),
      },
    });
    expect(relativeError(data, reference.latent.data)).toBeLessThan(1e-3);
    expect(checkpoint.times().unet.runs).toBe(3);
    expect((await checkpoint.vae.decode({ shape: latent.shape, data })).shape).toEqual([1, 64, 64, 3]);
  });
});
