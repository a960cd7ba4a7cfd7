/** @jest-environment-options {"webgpu": true} */
// Checkpoints on WebGPU: whole pictures, beside the CPU's.
import { type Checkpoint, loadCheckpoint } from '../../engine/diffusion/checkpoint.ts';
import { emptyLatent } from '../../engine/diffusion/latent.ts';
import { sample } from '../../engine/diffusion/sample.ts';
import { describeWebgpu, largestDifference, refusedWithoutHalf, SLOW_MS } from '../helpers/webgpu.ts';
import { checkpointDir } from './fixture.ts';

/** A picture of two steps, once more as the start of one step. */
async function draw({ model, clip, vae }: Checkpoint, size: number, { again = true } = {}) {
  const [positive, negative] = [await clip.encode('a (red:1.2) fox'), await clip.encode('')];
  const settings = { model, positive, negative, seed: 1, cfg: 4, sampler: 'euler', scheduler: 'normal' };
  const latent = await sample({ ...settings, latent: emptyLatent({ width: size, height: size }), steps: 2 });
  const picture = await vae.decode(latent);
  if (!again) return picture.data;
  const start = await vae.encode(picture);
  return (await vae.decode(await sample({ ...settings, latent: start, steps: 2, denoise: 0.5 }))).data;
}

describeWebgpu('checkpoints on WebGPU', () => {
  test.each([
    ['sd15', undefined, true, 1e-2],
    ['sd15', 'fp16', true, 3e-2],
    ['sdxl', undefined, true, 1e-2],
    ['lcm', undefined, false, 1e-2],
  ] as const)(
    'the tiny %s (%s) draws what it draws on the CPU, or is refused for want of float16',
    async (name, dtype, again, tolerance) => {
      const dir = checkpointDir(name);
      const [cpu, gpu] = [await loadCheckpoint(dir, { dtype }), await loadCheckpoint(dir, { dtype, device: 'webgpu' })];
      const [a, b] = [await draw(cpu, 64, { again }), await draw(gpu, 64, { again }).catch(refusedWithoutHalf)];
      if (b) expect(largestDifference(a, b)).toBeLessThan(tolerance);
      else expect(dtype).toBe('fp16');
      await cpu.release();
      await gpu.release();
    },
    SLOW_MS,
  );

  test(
    'pico-diffusion draws what it draws on the CPU, also after a release',
    async () => {
      const [cpu, gpu] = [
        await loadCheckpoint('pico-diffusion'),
        await loadCheckpoint('pico-diffusion', { device: 'webgpu' }),
      ];
      await gpu.clip.encode('a tiger');
      await gpu.release();
      const [a, b] = [await draw(cpu, 32, { again: false }), await draw(gpu, 32, { again: false })];
      expect(largestDifference(a, b)).toBeLessThan(1e-2);
      expect(gpu.times().unet.runs).toBe(2);
      await gpu.release();
    },
    SLOW_MS,
  );
});
