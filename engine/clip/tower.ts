// One ONNX file of a CLIP (text or vision tower) → a function from feeds to unit vectors. Its session on a device is made
// at the first call and kept for the life of the process: making and releasing sessions leaks memory in onnxruntime.
import type * as ort from 'onnxruntime-node';
import { InputError } from '../errors.ts';
import type { Tower } from '../hub/variant.ts';
import { remember } from '../memo.ts';
import { type Device, openSessionOn, runErrorOn } from '../onnx/device.ts';
import { fileIdentity } from '../onnx/file-identity.ts';
import { toFloats } from '../onnx/half.ts';
import { modelName } from '../onnx/model-names.ts';
import type { Session } from '../onnx/session.ts';

const sessions = new Map<string, Promise<Session>>();

/** Where a tower lies and where it runs. */
export interface TowerPlace {
  readonly path: string;
  readonly device: Device;
}

/** The session of a model file on a device; a file that was replaced on disk gets a new one. Throws what `openSessionOn` throws. */
export const sessionFor = ({ path, device }: TowerPlace): Promise<Session> =>
  remember(sessions, `${device} ${fileIdentity(path)}`, () => openSessionOn(device, path));

/** Names of the embedding among a tower's outputs, as the hub's exports have them: the projected ones first. */
const OUTPUTS = {
  text: ['text_embeds', 'sentence_embedding', 'pooler_output'],
  vision: ['image_embeds', 'pooler_output'],
};

/** Which of a tower's outputs is the embedding [B, P]. Throws MODEL_UNSUPPORTED if none is; `path` is for the message. */
export function embeddingOutput(tower: Tower, names: readonly string[], path: string): string {
  const name = OUTPUTS[tower].find((n) => names.includes(n));
  if (name) return name;
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `${path} has the outputs ${names.join(', ')}; one of ${OUTPUTS[tower].join(', ')} is needed.`,
  );
}

/** Rows that a tower takes in one run: those of its export, where their number is fixed in it, or at most `most`. */
export function rowsAtOnce({ inputMetadata: [input] }: Session, most: number): number {
  const batch = input?.isTensor ? input.shape[0] : undefined;
  return typeof batch === 'number' && batch > 0 ? Math.min(batch, most) : most;
}

export interface TowerRun extends TowerPlace {
  readonly tower: Tower;
  readonly session: Session;
  readonly feeds: Record<string, ort.Tensor>;
}

/** Runs a tower and returns one unit vector [P] per row of the batch. Throws MODEL_UNSUPPORTED, MODEL_INVALID, DEVICE_FAILED. */
export async function embed({ tower, path, device, session, feeds }: TowerRun): Promise<Float32Array[]> {
  const name = embeddingOutput(tower, session.outputNames, path);
  let output: ort.Tensor;
  try {
    output = (await session.run(feeds, [name]))[name];
  } catch (error) {
    throw runErrorOn({ device, source: path, error });
  }
  const [rows, dim] = output.dims;
  if (output.dims.length !== 2)
    throw new InputError('MODEL_UNSUPPORTED', `${path}: "${name}" has dims [${output.dims}]; [B, P] is needed.`);
  const values = toFloats(output);
  output.dispose();
  return Array.from({ length: rows }, (_, i) => toUnit(values.slice(i * dim, (i + 1) * dim), path));
}

/** Scales a vector to length 1, in place. */
function toUnit(vector: Float32Array, path: string): Float32Array {
  const length = Math.hypot(...vector);
  if (!(length > 0 && Number.isFinite(length)))
    throw new InputError(
      'MODEL_INVALID',
      `${modelName(path)} returned an embedding of length ${length}: its weights are damaged.`,
    );
  for (let i = 0; i < vector.length; i++) vector[i] /= length;
  return vector;
}
