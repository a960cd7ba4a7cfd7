// Images → unit embeddings [P] through the vision tower's ONNX file.
import { existsSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { InputError } from '../errors.ts';
import { decodeImage, type ImageInput } from '../image/decode-image.ts';
import { once } from '../memo.ts';
import type { Session } from '../onnx/session.ts';
import type { PixelValues, Preprocess } from './preprocess.ts';
import { embed, rowsAtOnce, sessionFor, type TowerPlace } from './tower.ts';

export type { ImageInput, RawImage } from '../image/decode-image.ts';

export interface ImageEncoder {
  /**
   * Embeds images: unit length, [P] each. Throws IMAGE_UNREADABLE, IMAGE_TOO_LARGE; MODEL_UNSUPPORTED if the model
   * has no vision tower.
   */
  encode(images: readonly ImageInput[], signal?: AbortSignal): Promise<Float32Array[]>;
}

/** Images in one run: bounds the memory of decoded pictures and activations. */
const MAX_BATCH = 8;

/** What a vision tower takes: normalised numbers, or the pixels themselves, which it then normalises itself. */
export type PixelForm = 'normalised' | 'bytes';

/** The encoder of a vision tower; preprocessing and session are made at the first call. */
export function makeImageEncoder(place: TowerPlace, load: (form: PixelForm) => Promise<Preprocess>): ImageEncoder {
  const preprocess = { normalised: once(() => load('normalised')), bytes: once(() => load('bytes')) };
  const { path } = place;
  return {
    async encode(images, signal) {
      if (images.length === 0) return [];
      if (!existsSync(path))
        throw new InputError('MODEL_UNSUPPORTED', `The model cannot read images: it lacks the vision tower ${path}.`);
      const session = await sessionFor(place);
      const input = inputOf(session, path);
      const toValues = await preprocess[input.form]();
      const batch = rowsAtOnce(session, MAX_BATCH);
      const vectors: Float32Array[] = [];
      for (let i = 0; i < images.length; i += batch) {
        const values: PixelValues[] = [];
        for (const image of images.slice(i, i + batch)) {
          signal?.throwIfAborted();
          values.push(await toValues(await decodeImage(image)));
        }
        const feeds = { [input.name]: toTensor(values, input.form) };
        vectors.push(...(await embed({ tower: 'vision', ...place, session, feeds })));
      }
      return vectors;
    },
  };
}

function inputOf({ inputMetadata: [input], inputNames }: Session, path: string): { name: string; form: PixelForm } {
  const type = inputNames.length === 1 && input.isTensor ? input.type : undefined;
  if (type === 'float32') return { name: input.name, form: 'normalised' };
  if (type === 'uint8') return { name: input.name, form: 'bytes' };
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `${path} has the inputs ${inputNames.join(', ')}; a vision tower has one, pixel_values in float32 (or pixels in uint8).`,
  );
}

/** float32 [B, 3, H, W], or uint8 [B, H, W, 3]. */
function toTensor(values: readonly PixelValues[], form: PixelForm): ort.Tensor {
  const [{ data, dims }] = values;
  const [channels, height, width] = dims;
  if (form === 'normalised') {
    const all = new Float32Array(values.length * data.length);
    values.forEach((v, i) => {
      all.set(v.data, i * data.length);
    });
    return new ort.Tensor('float32', all, [values.length, ...dims]);
  }
  const bytes = new Uint8Array(values.length * data.length);
  const pixels = height * width;
  values.forEach((v, i) => {
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < pixels; p++) bytes[i * data.length + p * channels + c] = v.data[c * pixels + p];
  });
  return new ort.Tensor('uint8', bytes, [values.length, height, width, channels]);
}
