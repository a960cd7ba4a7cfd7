// Images → unit embeddings [P] through the vision tower's ONNX file.
import { existsSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { InputError } from '../errors.ts';
import { decodeImage, type ImageInput } from '../image/decode-image.ts';
import { once } from '../memo.ts';
import type { PixelValues, Preprocess } from './preprocess.ts';
import { embed, sessionFor, type TowerPlace } from './tower.ts';

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

/** The encoder of a vision tower; preprocessing and session are made at the first call. */
export function makeImageEncoder(place: TowerPlace, load: () => Promise<Preprocess>): ImageEncoder {
  const preprocess = once(load);
  return {
    async encode(images, signal) {
      if (images.length === 0) return [];
      if (!existsSync(place.path))
        throw new InputError(
          'MODEL_UNSUPPORTED',
          `The model cannot read images: it lacks the vision tower ${place.path}.`,
        );
      const toValues = await preprocess();
      const vectors: Float32Array[] = [];
      for (let i = 0; i < images.length; i += MAX_BATCH) {
        const values: PixelValues[] = [];
        for (const image of images.slice(i, i + MAX_BATCH)) {
          signal?.throwIfAborted();
          values.push(await toValues(await decodeImage(image)));
        }
        vectors.push(...(await runBatch(values, place)));
      }
      return vectors;
    },
  };
}

async function runBatch(values: readonly PixelValues[], place: TowerPlace): Promise<Float32Array[]> {
  const session = await sessionFor(place);
  const size = values[0].data.length;
  const data = new Float32Array(values.length * size);
  values.forEach((v, i) => {
    data.set(v.data, i * size);
  });
  const input = session.inputMetadata[0];
  if (session.inputNames.length !== 1 || !input.isTensor || input.type !== 'float32')
    throw new InputError(
      'MODEL_UNSUPPORTED',
      `${place.path} has the inputs ${session.inputNames.join(', ')}; a vision tower has one, pixel_values in float32.`,
    );
  const feeds = { [input.name]: new ort.Tensor('float32', data, [values.length, ...values[0].dims]) };
  return embed({ tower: 'vision', ...place, session, feeds });
}
