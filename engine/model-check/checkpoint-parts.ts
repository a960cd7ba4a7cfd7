// A checkpoint → its parts and a sample input for each: text encoders, U-Net, VAE both ways.
import { type Checkpoint, type CheckpointOptions, loadCheckpoint } from '../diffusion/checkpoint.ts';
import type { Conditioning } from '../diffusion/conditioning.ts';
import { createNoise } from '../diffusion/noise.ts';
import type { OnnxModel } from '../diffusion/onnx-model.ts';
import { once } from '../memo.ts';
import { type Checkable, type Part, SAMPLE_TEXT } from './part.ts';

/** Height and width of the sample latent where the export leaves them open: 128 pixels for Stable Diffusion. */
const SAMPLE_SIDE = 16;
/** The middle of the 1000 timesteps that models are trained on. */
const TIMESTEP = 500;

/** The prompt that the U-Net is told; once for all devices, since its input must be the same on each. */
export type SamplePrompt = () => Promise<Conditioning>;

/** A sample prompt, encoded on the CPU when it is first asked for. */
export const samplePrompt = (name: string, options: CheckpointOptions): SamplePrompt =>
  once(async () => {
    const checkpoint = await loadCheckpoint(name, { ...options, device: 'cpu' });
    try {
      return await checkpoint.clip.encode(SAMPLE_TEXT);
    } finally {
      await checkpoint.release();
    }
  });

/** The checkpoint's parts; nothing runs yet. Throws what `loadCheckpoint` throws. */
export async function checkpointParts(
  name: string,
  prompt: SamplePrompt,
  options: CheckpointOptions,
): Promise<Checkable> {
  const checkpoint = await loadCheckpoint(name, options);
  const { clip, vae } = checkpoint;
  const parts: Part[] = [
    { name: 'text encoder', run: async () => (await clip.encode(SAMPLE_TEXT)).map(({ states }) => states) },
    { name: 'unet', prepare: prompt, run: async () => [await runUnet(checkpoint, await prompt())] },
    {
      name: 'vae decoder',
      run: async () => {
        const { channels } = vae.config;
        const [height, width] = await sides(vae.decoder, SAMPLE_SIDE);
        const shape = [1, channels, height, width] as const;
        return [(await vae.decode({ shape, data: noise(channels * height * width) })).data];
      },
    },
    {
      name: 'vae encoder',
      optional: true,
      run: async () => {
        const [height, width] = await sides(vae.encoder, SAMPLE_SIDE * vae.config.scale);
        const data = noise(height * width * 3).map((x) => 0.5 + 0.2 * Math.tanh(x));
        return [(await vae.encode({ shape: [1, height, width, 3], data })).data];
      },
    },
  ];
  return { parts, release: () => checkpoint.release() };
}

async function runUnet({ model, vae }: Checkpoint, [{ states, length, width, pooled }]: Conditioning) {
  const [batch = 1] = await dimsOf(model.unet.model, 'sample');
  const channels = (await model.unet.channels()) ?? vae.config.channels;
  const [height, latentWidth] = await sides(model.unet.model, SAMPLE_SIDE, 'sample');
  const pixels = [height * vae.config.scale, latentWidth * vae.config.scale];
  return model.unet.run({
    shape: [batch, channels, height, latentWidth],
    sample: repeat(noise(channels * height * latentWidth), batch),
    timestep: TIMESTEP,
    states: repeat(states, batch),
    length,
    width,
    pooled: pooled && repeat(pooled, batch),
    timeIds: [...pixels, 0, 0, ...pixels],
    guidance: 1,
  });
}

/** Height and width of an input, its first one unless named; `open` where the export leaves them open. */
async function sides(model: OnnxModel, open: number, input?: string): Promise<[height: number, width: number]> {
  const [, , height = open, width = open] = await dimsOf(model, input);
  return [height, width];
}

/** The dims of an input, undefined where they are open. */
async function dimsOf(model: OnnxModel, input?: string): Promise<(number | undefined)[]> {
  const { inputMetadata } = await model.session();
  const found = inputMetadata.find(({ name }) => name === input) ?? inputMetadata[0];
  return found?.isTensor ? found.shape.map((dim) => (typeof dim === 'number' ? dim : undefined)) : [];
}

const noise = (itemSize: number): Float32Array => createNoise(0, itemSize)();

function repeat(data: Float32Array, times: number): Float32Array {
  const all = new Float32Array(data.length * times);
  for (let i = 0; i < times; i++) all.set(data, i * data.length);
  return all;
}
