// Tiny checkpoints of Stable Diffusion 1, 2 and XL in .safetensors, as single files and as folders of diffusers: what PyTorch makes of the same
// weights, noise and steps.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Checkpoint, loadCheckpoint } from '../../engine/diffusion/checkpoint.ts';
import { withClipSkip } from '../../engine/diffusion/prompt-model.ts';
import { sample } from '../../engine/diffusion/sample.ts';
import { CHECKPOINTS, writeCheckpoint } from '../helpers/checkpoint-file.ts';
import { type FlatArray, relativeError } from './fixture.ts';
import { useCache } from './weights-cache.ts';

interface Reference {
  readonly states: FlatArray;
  readonly pooled?: FlatArray;
  readonly noise: FlatArray;
  readonly latent: FlatArray;
  readonly picture: FlatArray;
  readonly encoded: FlatArray;
  readonly skips: Record<string, FlatArray>;
  readonly scaling: number;
}

interface Fixture {
  readonly prompt: string;
  readonly negative: string;
  readonly steps: number;
  readonly cfg: number;
  readonly file: Reference;
  readonly folder: Reference;
}

const folder = mkdtempSync(join(tmpdir(), 'weights-checkpoint-'));
useCache(join(folder, 'cache'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(['sd1', 'sd2', 'xl'])('%s', (family) => {
  const fixture: Fixture = JSON.parse(readFileSync(join(CHECKPOINTS, `${family}.json`), 'utf8'));

  describe.each(['file', 'folder'] as const)('as a %s', (form) => {
    const reference = fixture[form];
    let checkpoint: Checkpoint;
    beforeAll(async () => {
      const file = () => writeCheckpoint(family, join(folder, `${family}.safetensors`));
      checkpoint = await loadCheckpoint(form === 'file' ? file() : join(CHECKPOINTS, family));
    });
    afterAll(() => checkpoint.release());

    const firstStates = async (clip: Checkpoint['clip'], { dims }: FlatArray) => {
      const [{ states, width }] = await clip.encode(fixture.prompt);
      expect(width).toBe(dims[2]);
      return states.subarray(0, dims[1] * width);
    };

    test('the prompt gives the states and the pooled embedding of transformers', async () => {
      expect(relativeError(await firstStates(checkpoint.clip, reference.states), reference.states.data)).toBeLessThan(
        1e-4,
      );
      const [{ pooled }] = await checkpoint.clip.encode(fixture.prompt);
      if (reference.pooled) expect(relativeError(pooled!, reference.pooled.data)).toBeLessThan(1e-4);
    });

    test.each(Object.entries(reference.skips))('clip skip %s gives the states of that layer', async (stop, states) => {
      const clip = withClipSkip(checkpoint.clip, Number(stop));
      expect(relativeError(await firstStates(clip, states), states.data)).toBeLessThan(1e-4);
    });

    test('four steps end where diffusers does, and decode to its picture', async () => {
      const [positive, negative] = [fixture.prompt, fixture.negative].map((text) => checkpoint.clip.encode(text));
      const latent = await sample({
        model: checkpoint.model,
        positive: await positive,
        negative: await negative,
        latent: { shape: [1, 4, 8, 8], data: new Float32Array(256) },
        seed: 1,
        steps: fixture.steps,
        cfg: fixture.cfg,
        sampler: 'euler',
        scheduler: 'normal',
        noise: { start: Float32Array.from(reference.noise.data) },
      });
      expect(relativeError(latent.data, reference.latent.data)).toBeLessThan(1e-3);
      const { shape, data } = await checkpoint.vae.decode(latent);
      expect(shape).toEqual([1, 16, 16, 3]);
      const planes = reference.picture.data; // [3, 16, 16]
      const pixels = Array.from(data, (_, i) => planes[(i % 3) * 256 + Math.floor(i / 3)]);
      expect(relativeError(data, pixels)).toBeLessThan(1e-2);
      const back = await checkpoint.vae.encode({ shape, data: Float32Array.from(pixels) });
      expect(relativeError(back.data, reference.encoded.data)).toBeLessThan(1e-3);
      expect(checkpoint.vae.config).toEqual({
        channels: 4,
        scale: 2,
        scalingFactor: reference.scaling,
        shiftFactor: 0,
      });
    });
  });
});
