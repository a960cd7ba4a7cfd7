// The models that come with the repository: the gradients of a picture tower, a U-Net and an autoencoder by each of their
// float inputs, against central differences along the gradient itself, in float32.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as ort from 'onnxruntime-node';
import { gradient, gradientName } from '../../engine/autodiff/gradient.ts';
import { sizeOf } from '../../engine/onnx/tensor.ts';
import { random } from '../helpers/random.ts';

interface Shipped {
  readonly path: string;
  readonly of: string;
  readonly inputs: Readonly<Record<string, readonly number[]>>;
}

const SHIPPED: readonly Shipped[] = [
  { path: 'pico-clip/onnx/vision_model.onnx', of: 'image_embeds', inputs: { pixel_values: [1, 3, 64, 64] } },
  {
    path: 'pico-diffusion/unet/model.onnx',
    of: 'out_sample',
    inputs: { sample: [1, 16, 8, 8], timestep: [1], encoder_hidden_states: [1, 7, 192] },
  },
  { path: 'pico-diffusion/vae_decoder/model.onnx', of: 'sample', inputs: { latent_sample: [1, 16, 8, 8] } },
  { path: 'pico-diffusion/vae_encoder/model.onnx', of: 'latent_parameters', inputs: { sample: [1, 3, 64, 64] } },
];
const TOLERANCE = 1e-3;
/** Large, for float32. */
const STEP = 0.05;
const models = fileURLToPath(new URL('../../models/', import.meta.url));

test.each(SHIPPED)('$path', async ({ path, of, inputs }) => {
  const file = readFileSync(models + path);
  const wrt = Object.keys(inputs);
  const model = await ort.InferenceSession.create(await gradient(file, { of, wrt, cotangent: 'u', dims: inputs }));
  const draw = random(3);
  const uniform = (dims: readonly number[]) => Float32Array.from({ length: sizeOf(dims) }, () => 2 * draw() - 1);
  const point = new Map(Object.entries(inputs).map(([name, dims]) => [name, uniform(dims)]));
  const forward = await ort.InferenceSession.create(file);
  const feeds = (at: ReadonlyMap<string, Float32Array>) =>
    Object.fromEntries([...at].map(([name, data]) => [name, new ort.Tensor('float32', data, [...inputs[name]])]));
  const { dims } = (await forward.run(feeds(point)))[of];
  const u = uniform(dims);
  const out = await model.run({ ...feeds(point), u: new ort.Tensor('float32', u, dims) });
  const value = async (at: ReadonlyMap<string, Float32Array>) =>
    dot(u, (await forward.run(feeds(at)))[of].data as Float32Array);
  for (const name of wrt) {
    const g = out[gradientName(name)].data as Float32Array;
    const norm = Math.sqrt(dot(g, g));
    const moved = (by: number) => {
      const x = point.get(name)!;
      return value(
        new Map(point).set(
          name,
          x.map((v, i) => v + (by * g[i]) / norm),
        ),
      );
    };
    const slope = async (h: number) => ((await moved(h)) - (await moved(-h))) / (2 * h);
    const numeric = (4 * (await slope(STEP)) - (await slope(2 * STEP))) / 3; // their h² terms cancel
    const error = Math.abs(numeric - norm) / norm;
    expect({ name, error: error < TOLERANCE ? 'small' : error }).toEqual({ name, error: 'small' });
  }
});

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
