// Latents ↔ pictures through the VAE's two ONNX files.
import { existsSync } from 'node:fs';
import { invalid } from '../check.ts';
import { InputError } from '../errors.ts';
import type { ImageBatch } from '../image/batch.ts';
import { checkLatent, type Latent } from './latent.ts';
import type { VaeConfig } from './layout.ts';
import { floats, type OnnxModel } from './onnx-model.ts';

export interface Vae {
  readonly config: VaeConfig;
  readonly decoder: OnnxModel;
  readonly encoder: OnnxModel;
  /** [B, C, h, w] → [B, h·scale, w·scale, 3], clamped to [0, 1]. */
  decode(latent: Latent, signal?: AbortSignal): Promise<ImageBatch>;
  /**
   * [B, H, W, 3 or more] → [B, C, H/scale, W/scale]: the mean of the VAE's distribution. Sides that are not multiples of `scale` lose
   * their edges, evenly on both sides. Throws MODEL_NOT_FOUND if the checkpoint has no encoder.
   */
  encode(pictures: ImageBatch, signal?: AbortSignal): Promise<Latent>;
}

export function makeVae(config: VaeConfig, decoder: OnnxModel, encoder: OnnxModel): Vae {
  return {
    config,
    decoder,
    encoder,
    decode: (latent, signal) => decode({ config, model: decoder, signal }, latent),
    encode: (pictures, signal) => encode({ config, model: encoder, signal }, pictures),
  };
}

interface Context {
  readonly config: VaeConfig;
  readonly model: OnnxModel;
  readonly signal?: AbortSignal;
}

/** One picture at a time: most of the memory goes to a VAE's activations. */
async function decode({ config, model, signal }: Context, latent: Latent): Promise<ImageBatch> {
  checkLatent(latent, config.channels);
  const [batch, channels, h, w] = latent.shape;
  const size = channels * h * w;
  const { inputNames, outputNames } = await model.session();
  const shape = [batch, h * config.scale, w * config.scale, 3] as const;
  const data = new Float32Array(shape.reduce((a, b) => a * b));
  for (let item = 0; item < batch; item++) {
    await nextTurn(signal);
    const input = latent.data.slice(item * size, (item + 1) * size);
    const [output] = await model.run({ [inputNames[0]]: floats(input, [1, channels, h, w]) }, [outputNames[0]]);
    if (output.dims.join() !== [1, 3, shape[1], shape[2]].join())
      throw new InputError(
        'MODEL_UNSUPPORTED',
        `${model.path} made [${output.dims}] of a latent of [1,${channels},${h},${w}]; [1,3,${shape[1]},${shape[2]}] is needed (block_out_channels in its config.json).`,
      );
    planesToPixels(output.data, data.subarray(item * output.data.length, (item + 1) * output.data.length));
  }
  return { shape, data };
}

/** [3, H, W] in [−1, 1] → [H, W, 3] in [0, 1]. */
function planesToPixels(planes: Float32Array, pixels: Float32Array): void {
  const area = planes.length / 3;
  for (let i = 0; i < area; i++)
    for (let c = 0; c < 3; c++) pixels[3 * i + c] = Math.min(Math.max(planes[c * area + i] / 2 + 0.5, 0), 1);
}

async function encode({ config, model, signal }: Context, pictures: ImageBatch): Promise<Latent> {
  if (!existsSync(model.path))
    throw new InputError(
      'MODEL_NOT_FOUND',
      `The checkpoint lacks the file ${model.path}: without it, pictures cannot be turned into latents (text to image works).`,
    );
  const { scale, channels } = config;
  const [batch, height, width] = pictures.shape;
  const [h, w] = [Math.floor(height / scale), Math.floor(width / scale)];
  if (batch < 1 || h < 1 || w < 1 || pictures.shape[3] < 3)
    throw invalid('The pictures', `[batch, height, width, 3] with sides of at least ${scale}`, pictures.shape);
  const { inputNames, outputNames } = await model.session();
  const shape = [batch, channels, h, w] as const;
  const data = new Float32Array(shape.reduce((a, b) => a * b));
  for (let item = 0; item < batch; item++) {
    await nextTurn(signal);
    const planes = pixelsToPlanes(pictures, item, h * scale, w * scale);
    const [output] = await model.run({ [inputNames[0]]: floats(planes, [1, 3, h * scale, w * scale]) }, [
      outputNames[0],
    ]);
    const size = channels * h * w;
    // Twice the channels: means, then log variances.
    if (output.data.length !== size && output.data.length !== 2 * size)
      throw new InputError(
        'MODEL_UNSUPPORTED',
        `${model.path} made [${output.dims}]; [1,${channels},${h},${w}] or twice the channels is needed.`,
      );
    data.set(output.data.subarray(0, size), item * size);
  }
  return { shape, data };
}

/** The middle [height, width] of a picture → [3, height, width] in [−1, 1]. */
function pixelsToPlanes({ shape, data }: ImageBatch, item: number, height: number, width: number): Float32Array {
  const [, fullHeight, fullWidth, channels] = shape;
  const [top, left] = [(fullHeight - height) >> 1, (fullWidth - width) >> 1];
  const planes = new Float32Array(3 * height * width);
  let to = 0;
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < height; y++) {
      const row = ((item * fullHeight + top + y) * fullWidth + left) * channels + c;
      for (let x = 0; x < width; x++) planes[to++] = 2 * data[row + x * channels] - 1;
    }
  return planes;
}

/** Lets the event loop deliver messages, then throws if the signal was aborted. */
async function nextTurn(signal?: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  signal?.throwIfAborted();
}
