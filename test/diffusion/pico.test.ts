// pico-diffusion, as it ships: it draws what it is told, in the words of pico-clip, on the code path of any checkpoint.
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { loadClip } from '../../engine/clip/clip.ts';
import { type Checkpoint, loadCheckpoint } from '../../engine/diffusion/checkpoint.ts';
import { emptyLatent } from '../../engine/diffusion/latent.ts';
import { sample } from '../../engine/diffusion/sample.ts';
import { bundledRoot } from '../../engine/hub/bundled.ts';
import { cosine } from '../../engine/vector.ts';
import { relativeError } from './fixture.ts';

const NATIVE = { width: 64, height: 64 };
let checkpoint: Checkpoint;
beforeAll(async () => {
  checkpoint = await loadCheckpoint('pico-diffusion');
});
afterAll(() => checkpoint.release());

async function draw(prompt: string, { size = NATIVE, batch = 1, seed = 1, steps = 20 } = {}) {
  const { model, clip, vae } = checkpoint;
  const [positive, negative] = [await clip.encode(prompt), await clip.encode('')];
  const settings = { steps, cfg: 4, sampler: 'euler', scheduler: 'normal' };
  const latent = await sample({
    ...settings,
    model,
    positive,
    negative,
    latent: emptyLatent({ ...size, batch }),
    seed,
  });
  return vae.decode(latent);
}

test('its text encoder is the text tower of pico-clip: a hard prompt means the same to both', async () => {
  const { tokenizer } = await loadClip('pico-clip');
  const ids = tokenizer.frame(tokenizer.encode('a flat drawing of a tiger'));
  while (ids.length < 77) ids.push(ids.at(-1)!);
  const tower = await ort.InferenceSession.create(join(bundledRoot(), 'pico-clip/onnx/text_model.onnx'));
  const input_ids = new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), [1, 77]);
  const { last_hidden_state } = await tower.run({ input_ids });
  const [{ states }] = await checkpoint.clip.encode('a flat drawing of a tiger');
  expect(relativeError(states, last_hidden_state.data as Float32Array)).toBeLessThan(1e-2);
});

test('pictures show what the prompts say: pico-clip matches most of them with their own prompt', async () => {
  const clip = await loadClip('pico-clip');
  const prompts = [
    'a silhouette drawing of a guitar',
    'a noto drawing of a grinning face',
    'a red apple',
    'a twitter drawing of a house',
    'a flat drawing of a butterfly',
    'a 3d drawing of a tiger',
    'a noto drawing of a clock',
    'an outlined drawing of a bicycle',
  ];
  const texts = await clip.text.encode(prompts);
  let right = 0;
  for (const [i, prompt] of prompts.entries()) {
    const { shape, data } = await draw(prompt);
    expect(shape).toEqual([1, 64, 64, 3]);
    const bytes = Uint8Array.from(data, (v) => Math.fround(255 * v));
    const [picture] = await clip.image.encode([{ data: bytes, width: 64, height: 64, channels: 3 }]);
    const scores = texts.map((text) => cosine(text, picture));
    if (scores.indexOf(Math.max(...scores)) === i) right++;
  }
  expect(right).toBeGreaterThanOrEqual(6);
});

test('a batch holds different pictures, each as if drawn alone; other sizes are drawn too', async () => {
  const both = await draw('a tiger', { batch: 2, steps: 4 });
  const alone = await draw('a tiger', { steps: 4 });
  const half = both.data.length / 2;
  expect(relativeError(both.data.slice(0, half), alone.data)).toBeLessThan(1e-3);
  expect(relativeError(both.data.slice(half), alone.data)).toBeGreaterThan(0.1);
  expect((await draw('a tiger', { size: { width: 128, height: 96 }, steps: 1 })).shape).toEqual([1, 96, 128, 3]);
});

test('a picture comes back from the VAE much as it went in', async () => {
  const { shape, data } = await draw('a red apple', { steps: 8 });
  const again = await checkpoint.vae.decode(await checkpoint.vae.encode({ shape, data }));
  const error = again.data.reduce((sum, v, i) => sum + Math.abs(v - data[i]), 0) / data.length;
  expect(error).toBeLessThan(0.05);
});
