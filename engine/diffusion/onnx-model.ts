// One part of a checkpoint, an ONNX file or a graph over .safetensors files: its session is made when it is first used, and freed by `release`.
import { existsSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { misfitIn, type PartGraph, placePart } from '../architectures/part-graph.ts';
import { InputError } from '../errors.ts';
import { remember } from '../memo.ts';
import { type Device, openSessionOn, runErrorOn } from '../onnx/device.ts';
import { toFloats, toHalfTensor } from '../onnx/half.ts';
import type { Session } from '../onnx/session.ts';
import { plainExportOf } from './alternatives.ts';

/** Time spent inside onnxruntime. */
export interface RunTime {
  readonly runs: number;
  readonly ms: number;
}

export type Feeds = Record<string, ort.Tensor>;

/** An ONNX file, or what one is made from. */
export type ModelSource = string | PartGraph;

export interface OnnxModel {
  /** The file of the ONNX export or, for a graph over a .safetensors file, that file. For messages. */
  readonly path: string;
  readonly source: ModelSource;
  readonly device: Device;
  readonly options: OnnxModelOptions;
  readonly time: RunTime;
  /** The session, compiled at the first call. Throws MODEL_NOT_FOUND, MODEL_INVALID, MODEL_UNSUPPORTED or OPTION_INVALID (the device). */
  session(): Promise<Session>;
  /** The inputs that `run` is to be fed. */
  inputs(): Promise<Session['inputMetadata']>;
  /**
   * Runs it and returns the outputs asked for, as float32. Inputs that the export takes in float16 are rounded to it. `hint` is added to the
   * message if onnxruntime refuses. Throws MODEL_INVALID in that case, and if not all outputs are finite numbers;
   * DEVICE_FAILED.
   */
  run(feeds: Feeds, outputs: readonly string[], hint?: string): Promise<Output[]>;
  /** Frees the session once the current run has ended, and those of adopted models; the next use makes a new one. */
  release(): Promise<void>;
  /** From now on `other`, a variant of this model, is released with it. */
  adopt(other: OnnxModel): void;
}

export interface Output {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export interface OnnxModelOptions {
  /** Where graphs over .safetensors files are written; default: the cache of the hub. */
  readonly cacheDir?: string;
}

export function makeOnnxModel(source: ModelSource, device: Device, options: OnnxModelOptions = {}): OnnxModel {
  const path = typeof source === 'string' ? source : source.parameters.source;
  const opened = new Map<string, Promise<Session>>();
  let running: Promise<unknown> = Promise.resolve();
  let runs = 0;
  let ms = 0;
  const session = () => remember(opened, path, () => open(source, device, options));
  const adopted = new Set<OnnxModel>();
  return {
    path,
    source,
    device,
    options,
    get time() {
      return { runs, ms };
    },
    session,
    inputs: async () => (await session()).inputMetadata,
    adopt: (other) => adopted.add(other),
    run: async (feeds, outputs, hint = '') => {
      const ready = await session();
      const rounded = roundToHalf(feeds, ready);
      const started = performance.now();
      const run = ready.run(rounded, outputs);
      running = run.catch(() => undefined);
      const results = await run.catch((error: Error) => {
        throw wrongWeights(source, runErrorOn({ device, source: path, error, hint }));
      });
      runs++;
      ms += performance.now() - started;
      return outputs.map((name) => takeOutput(results[name], path));
    },
    release: async () => {
      const ready = opened.get(path);
      opened.delete(path);
      await running; // a session that is freed while it runs takes the process with it
      await (await ready?.catch(() => undefined))?.release();
      for (const other of adopted) await other.release();
    },
  };
}

/** The same model, with the same session, some of whose inputs always get these values. */
export const withFeeds = (model: OnnxModel, feeds: Feeds): OnnxModel => ({
  ...model,
  get time() {
    return model.time;
  },
  inputs: async () => (await model.inputs()).filter(({ name }) => !(name in feeds)),
  run: (others, outputs, hint) => model.run({ ...others, ...feeds }, outputs, hint),
});

async function open(source: ModelSource, device: Device, { cacheDir }: OnnxModelOptions): Promise<Session> {
  if (typeof source === 'string') return openExport(source, device);
  try {
    return await openSessionOn(device, placePart(source, { device, ...(cacheDir !== undefined && { cacheDir }) }));
  } catch (error) {
    throw wrongWeights(source, error as Error);
  }
}

async function openExport(path: string, device: Device): Promise<Session> {
  if (!existsSync(path)) throw new InputError('MODEL_NOT_FOUND', `The checkpoint lacks the file ${path}.`);
  try {
    return await openSessionOn(device, path);
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== 'MODEL_UNSUPPORTED') throw error;
    throw new InputError(error.code, `${error.message} ${plainExportOf(path)}`, { cause: error });
  }
}

/** If weights that do not fit together are the reason, that is said instead of what onnxruntime makes of it. */
function wrongWeights(source: ModelSource, error: Error): Error {
  if (typeof source === 'string' || !(error instanceof InputError) || error.code !== 'MODEL_INVALID') return error;
  const wrong = misfitIn(source);
  if (wrong === undefined) return error;
  return new InputError(
    'MODEL_INVALID',
    `The ${source.name} in ${source.parameters.source} cannot be computed, since its weights do not fit together: ${wrong}.`,
    { cause: error },
  );
}

/** Exports for graphics cards take float16: ours are float32 until here. */
function roundToHalf(feeds: Feeds, { inputMetadata }: Session): Feeds {
  const halves = new Set(inputMetadata.flatMap((m) => (m.isTensor && m.type === 'float16' ? [m.name] : [])));
  if (halves.size === 0) return feeds;
  return Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => [
      name,
      halves.has(name) ? toHalfTensor(tensor.data as Float32Array, tensor.dims) : tensor,
    ]),
  );
}

function takeOutput(tensor: ort.Tensor, path: string): Output {
  const data = toFloats(tensor);
  if (data.every(Number.isFinite)) return { dims: tensor.dims, data };
  throw new InputError(
    'MODEL_INVALID',
    tensor.type === 'float16'
      ? `${path} overflows in float16: not all of its outputs are finite numbers. Use a float32 export of this part.`
      : `${path} gives numbers that are not finite, which would make a black picture: its weights are damaged or overflowed when they were saved. Use another copy of the file.`,
  );
}

/** Whole numbers as the integer or float type that an input wants. */
export function numbersAs(type: string, values: readonly number[], dims: readonly number[]): ort.Tensor {
  if (type === 'int64') return new ort.Tensor('int64', BigInt64Array.from(values, BigInt), dims);
  if (type === 'int32') return new ort.Tensor('int32', Int32Array.from(values), dims);
  if (type === 'float64') return new ort.Tensor('float64', Float64Array.from(values), dims);
  return new ort.Tensor('float32', Float32Array.from(values), dims);
}

/** A float32 tensor over `data`. */
export const floats = (data: Float32Array, dims: readonly number[]): ort.Tensor =>
  new ort.Tensor('float32', data, dims);
