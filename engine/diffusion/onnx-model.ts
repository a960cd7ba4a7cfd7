// One ONNX file of a checkpoint: its session is made when it is first used, and freed by `release`.
import { existsSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
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

export interface OnnxModel {
  readonly path: string;
  readonly time: RunTime;
  /** The session, compiled at the first call. Throws MODEL_NOT_FOUND, MODEL_INVALID, MODEL_UNSUPPORTED or OPTION_INVALID (the device). */
  session(): Promise<Session>;
  /**
   * Runs it and returns the outputs asked for, as float32. Inputs that the export takes in float16 are rounded to it. `hint` is added to the
   * message if onnxruntime refuses. Throws MODEL_INVALID in that case, and if numbers overflow float16;
   * DEVICE_FAILED.
   */
  run(feeds: Feeds, outputs: readonly string[], hint?: string): Promise<Output[]>;
  /** Frees the session once the current run has ended; the next use makes a new one. */
  release(): Promise<void>;
}

export interface Output {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export function makeOnnxModel(path: string, device: Device): OnnxModel {
  const opened = new Map<string, Promise<Session>>();
  let running: Promise<unknown> = Promise.resolve();
  let runs = 0;
  let ms = 0;
  const session = () => remember(opened, path, () => open(path, device));
  return {
    path,
    get time() {
      return { runs, ms };
    },
    session,
    run: async (feeds, outputs, hint = '') => {
      const ready = await session();
      const rounded = roundToHalf(feeds, ready);
      const started = performance.now();
      const run = ready.run(rounded, outputs);
      running = run.catch(() => undefined);
      const results = await run.catch((error: Error) => {
        throw runErrorOn({ device, source: path, error, hint });
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
    },
  };
}

async function open(path: string, device: Device): Promise<Session> {
  if (!existsSync(path)) throw new InputError('MODEL_NOT_FOUND', `The checkpoint lacks the file ${path}.`);
  try {
    return await openSessionOn(device, path);
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== 'MODEL_UNSUPPORTED') throw error;
    throw new InputError(error.code, `${error.message} ${plainExportOf(path)}`, { cause: error });
  }
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
  if (tensor.type === 'float16' && !data.every(Number.isFinite))
    throw new InputError(
      'MODEL_INVALID',
      `${path} overflows in float16: not all of its outputs are finite numbers. Use a float32 export of this part.`,
    );
  return { dims: tensor.dims, data };
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
