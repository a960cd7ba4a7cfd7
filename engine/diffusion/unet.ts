// The U-Net's ONNX file → a function of noisy latents, timestep and conditioning; its inputs are found from what the export declares.
import type * as ort from 'onnxruntime-node';
import { InputError } from '../errors.ts';
import { type Feeds, floats, numbersAs, type OnnxModel } from './onnx-model.ts';

export interface UnetCall {
  /** [batch, channels, height, width] */
  readonly shape: readonly [number, number, number, number];
  readonly sample: Float32Array;
  readonly timestep: number;
  /** [batch, length, width] */
  readonly states: Float32Array;
  readonly length: number;
  readonly width: number;
  /** SDXL: [batch, P] */
  readonly pooled?: Float32Array;
  /** SDXL: height, width, crop top, crop left, target height, target width: the same for each item. */
  readonly timeIds: readonly number[];
  /** LCM: the guidance scale minus 1, which this kind of U-Net was taught to apply itself. */
  readonly guidance: number;
}

export interface Unet {
  readonly model: OnnxModel;
  /** Channels that it takes; undefined if the export leaves them open. */
  channels(): Promise<number | undefined>;
  /** Whether it applies the guidance itself (LCM), so that no second, unconditional run is needed. */
  guidesItself(): Promise<boolean>;
  /** Its raw output, of the sample's shape. Throws MODEL_UNSUPPORTED, MODEL_INVALID or OPTION_INVALID (a fixed size). */
  run(call: UnetCall): Promise<Float32Array>;
}

interface Input {
  readonly name: string;
  readonly type: string;
  /** Numbers for dims that the export fixed, names for the others. */
  readonly shape: readonly (number | string)[];
}

/** The tensor for an input of that name; undefined if the conditioning lacks it. One more input: one line here. */
const FEEDS: Record<string, (call: UnetCall, input: Input) => ort.Tensor | undefined> = {
  sample: ({ sample, shape }) => floats(sample, shape),
  timestep: ({ timestep, shape }, { type, shape: dims }) => {
    const count = dims.length === 0 || dims[0] === 1 ? 1 : shape[0];
    return numbersAs(type, Array(count).fill(timestep), dims.length === 0 ? [] : [count]);
  },
  encoder_hidden_states: ({ states, shape, length, width }) => floats(states, [shape[0], length, width]),
  text_embeds: ({ pooled, shape }) => pooled && floats(pooled, [shape[0], pooled.length / shape[0]]),
  time_ids: ({ timeIds, shape }, { type }) =>
    numbersAs(type, Array(shape[0]).fill(timeIds).flat(), [shape[0], timeIds.length]),
  timestep_cond: ({ guidance, shape }, { shape: dims }) => {
    const width = typeof dims[1] === 'number' ? dims[1] : GUIDANCE_WIDTH;
    const row = embedGuidance(guidance, width);
    const rows = new Float32Array(shape[0] * width);
    for (let i = 0; i < shape[0]; i++) rows.set(row, i * width);
    return floats(rows, [shape[0], width]);
  },
};

/** Width of LCM's guidance embedding if the export leaves it open. */
const GUIDANCE_WIDTH = 256;

/** Sines, then cosines, of 1000·w at frequencies from 1 to 1/10000 (Luo et al. 2023; w = guidance scale − 1). */
export function embedGuidance(w: number, width: number): Float32Array {
  const half = width >> 1;
  const embedding = new Float32Array(width);
  for (let i = 0; i < half; i++) {
    const angle = 1000 * w * 10_000 ** (-i / (half - 1));
    embedding[i] = Math.sin(angle);
    embedding[half + i] = Math.cos(angle);
  }
  return embedding;
}

export function makeUnet(model: OnnxModel): Unet {
  const inputs = async () => (await model.inputs()) as unknown as readonly Input[];
  const named = async (name: string) => (await inputs()).find((input) => input.name === name);
  return {
    model,
    channels: async () => {
      const channels = (await named('sample'))?.shape[1];
      return typeof channels === 'number' ? channels : undefined;
    },
    guidesItself: async () => (await named('timestep_cond')) !== undefined,
    run: async (call) => {
      const feeds: Feeds = {};
      for (const input of await inputs()) feeds[input.name] = feedOf(input, call, model.path);
      const hint = sizeHint(call.shape);
      const [name] = (await model.session()).outputNames;
      const [output] = await model.run(feeds, [name], hint);
      if (output.data.length !== call.sample.length)
        throw new InputError(
          'MODEL_UNSUPPORTED',
          `${model.path} made [${output.dims}] of [${call.shape}]; the same shape is needed.`,
        );
      return output.data;
    },
  };
}

/** The most likely reason for a refusal if a side cannot be halved three times. */
const sizeHint = ([, , height, width]: UnetCall['shape']): string =>
  height % 8 === 0 && width % 8 === 0
    ? ''
    : ` (the latent is ${width}×${height}; most U-Nets need multiples of 8, which is 64 pixels)`;

function feedOf(input: Input, call: UnetCall, path: string): ort.Tensor {
  if (!Object.hasOwn(FEEDS, input.name))
    throw new InputError(
      'MODEL_UNSUPPORTED',
      `${path} asks for the input "${input.name}", which is not one of a U-Net's (${Object.keys(FEEDS).join(', ')}).`,
    );
  const tensor = FEEDS[input.name](call, input);
  if (!tensor)
    throw new InputError(
      'OPTION_INVALID',
      `The conditioning has no pooled embedding, which the U-Net ${path} asks for as "${input.name}": encode the prompt with this checkpoint.`,
    );
  const wrong = tensor.dims.findIndex((n, i) => typeof input.shape[i] === 'number' && input.shape[i] !== n);
  if (wrong >= 0)
    throw new InputError(
      'OPTION_INVALID',
      `"${input.name}" is [${tensor.dims}], and ${path} takes only [${input.shape}]: another size, batch or conditioning than this export's.`,
    );
  return tensor;
}
