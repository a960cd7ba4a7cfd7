// Model → onnxruntime session. Sessions are made once and kept: making and releasing them leaks memory upstream.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { InputError } from '../errors.ts';
import { missingKernel } from './cuda-only.ts';
import { readExternalFiles } from './external-files.ts';
import type { Model } from './graph.ts';
import { asFloat16 } from './half.ts';
import { modelName } from './model-names.ts';
import { byteLength, type Tensor } from './tensor.ts';
import { writeModel, writeModelFile } from './write.ts';
import { writeBeside } from './write-beside.ts';

export type Session = ort.InferenceSession;
export type SessionOptions = ort.InferenceSession.SessionOptions;

/** Constants of more bytes than this in all cannot travel inside one protobuf message. */
const MAX_INLINE_BYTES = 1.5 * 2 ** 30;

/** Compiles a model. Throws MODEL_INVALID with onnxruntime's own words if it refuses. */
export async function createSession(model: Model, options: SessionOptions = {}): Promise<Session> {
  const beside = writeBeside(model);
  if (beside) {
    try {
      return await open(beside, model.source, options);
    } finally {
      rmSync(beside);
    }
  }
  const inline = [...model.constants.values()].reduce((sum, t) => sum + byteLength(t), 0) <= MAX_INLINE_BYTES;
  if (inline) return open(writeModel(model), model.source, options);
  const folder = mkdtempSync(join(tmpdir(), 'pez-nodes-'));
  try {
    writeModelFile(model, join(folder, 'model.onnx'), { externalData: true });
    return await open(join(folder, 'model.onnx'), model.source, options);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Compiles the model in a file. Throws MODEL_INVALID with onnxruntime's own words if it refuses; MODEL_UNSUPPORTED for ops that the device lacks. */
export const openSession = (path: string, options: SessionOptions = {}): Promise<Session> =>
  open(path, modelName(path), options);

async function open(model: string | Uint8Array, source: string, options: SessionOptions): Promise<Session> {
  const externalData = typeof model === 'string' ? readExternalFiles(model) : undefined;
  const all: SessionOptions = { logSeverityLevel: 4, ...(externalData && { externalData }), ...options };
  try {
    // The binding types bytes and paths as separate overloads.
    return typeof model === 'string'
      ? await ort.InferenceSession.create(model, all)
      : await ort.InferenceSession.create(model, all);
  } catch (error) {
    const missing = missingKernel(source, firstLine(error));
    if (missing) throw missing;
    throw new InputError('MODEL_INVALID', `onnxruntime refuses ${source}: ${firstLine(error)}`, { cause: error });
  }
}

/** MODEL_INVALID for a run that failed, with onnxruntime's own words and, if there is one, a hint. */
export const runError = (source: string, error: unknown, hint = ''): InputError =>
  new InputError('MODEL_INVALID', `onnxruntime cannot run ${modelName(source)}: ${firstLine(error)}${hint}`, {
    cause: error,
  });

/** A constant as an onnxruntime tensor of the same type. */
export function toOrt({ type, dims, bytes }: Tensor): ort.Tensor {
  const copy = bytes.slice().buffer;
  switch (type) {
    case 'float32':
      return new ort.Tensor(type, new Float32Array(copy), dims);
    case 'float64':
      return new ort.Tensor(type, new Float64Array(copy), dims);
    case 'int64':
      return new ort.Tensor(type, new BigInt64Array(copy), dims);
    case 'int32':
      return new ort.Tensor(type, new Int32Array(copy), dims);
    case 'bool':
    case 'uint8':
      return new ort.Tensor(type, new Uint8Array(copy), dims);
    case 'float16':
      return asFloat16(new Uint16Array(copy), dims);
    default:
      throw new InputError(
        'MODEL_UNSUPPORTED',
        `A tensor of type ${type} cannot be handed to onnxruntime from Node; use float32.`,
      );
  }
}

/** The first line of an error's message: onnxruntime's own words. */
export const firstLine = (error: unknown): string => (error as Error).message.split('\n')[0];
