// RGB pixels → pixel_values, as preprocessor_config.json says: resize, crop, rescale, normalise. The rules of that file
// are transformers.js's; the resampling is ours, since its own (an affine transform) does not filter before it reduces.
import { join } from 'node:path';
import { InputError } from '../errors.ts';
import type { ClipLayout } from '../hub/clip-layouts/layout.ts';
import { transformersJs } from '../hub/clip-layouts/transformers-js.ts';
import { readJson } from '../hub/read-json.ts';
import { type Pixels, resample } from '../image/resample.ts';

/** float32 [3, H, W] for one image. */
export interface PixelValues {
  readonly data: Float32Array;
  readonly dims: readonly [number, number, number];
}

export type Preprocess = (image: Pixels) => Promise<PixelValues>;

/** The content of preprocessor_config.json. */
export interface ProcessorConfig {
  readonly image_processor_type?: string;
  readonly feature_extractor_type?: string;
  readonly size?: unknown;
}

/**
 * A plain number for `size`, as OpenAI's own files have it, is the shorter side for CLIP: transformers reads it so. transformers.js would let the
 * longer side grow no further than that, too.
 */
const withShortestEdge = (config: ProcessorConfig, name: string): ProcessorConfig =>
  name.startsWith('CLIP') && typeof config.size === 'number'
    ? { ...config, size: { shortest_edge: config.size } }
    : config;

/** Pixels of the longest thin picture after its resize, before its crop: 224 × 65,535 times a few. */
const MAX_RESIZED_PIXELS = 64e6;

/** Without `normalise`, the values are those of the pixels, 0 to 255. */
export interface PreprocessOptions {
  readonly normalise?: boolean;
}

/** Reads the image preprocessing of a model folder. Throws MODEL_NOT_FOUND, MODEL_INVALID. */
export async function loadPreprocess(
  dir: string,
  layout: ClipLayout = transformersJs,
  options: PreprocessOptions = {},
): Promise<Preprocess> {
  const path = join(dir, layout.processor);
  return makePreprocess(layout.readProcessor(readJson<ProcessorConfig>(path), path), path, options);
}

/** The same from the content of the file; `path` is for messages. Throws MODEL_INVALID. */
export async function makePreprocess(
  read: ProcessorConfig,
  path: string,
  { normalise = true }: PreprocessOptions = {},
): Promise<Preprocess> {
  const config = normalise ? read : { ...read, do_rescale: false, do_normalize: false };
  const transformers = await import('@xenova/transformers'); // only here: it takes a while to load
  class PillowImage extends transformers.RawImage {
    override async resize(width: number, height: number, options: { resample?: number | string } = {}) {
      if (width * height > MAX_RESIZED_PIXELS)
        throw new InputError(
          'IMAGE_TOO_LARGE',
          `An image of ${this.width} × ${this.height} pixels is too long and thin: resized it would have ${width} × ${height}.`,
        );
      const resized = resample(toPixels(this), width, height, Number(options.resample ?? 2));
      return new PillowImage(resized.data, resized.width, resized.height, 3);
    }
  }
  const name = (config.image_processor_type ?? config.feature_extractor_type ?? '').replace(/Fast$/, '');
  const classes = transformers as unknown as Record<string, typeof transformers.ImageProcessor | undefined>;
  const Processor =
    (/^\w+(ImageProcessor|FeatureExtractor)$/.test(name) && classes[name]) || transformers.ImageProcessor;
  const processor = new Processor(
    withShortestEdge(config, name) as ConstructorParameters<typeof transformers.ImageProcessor>[0],
  );
  return async (image) => {
    try {
      const { pixel_values } = await processor.preprocess(new PillowImage(image.data, image.width, image.height, 3));
      const [channels, height, width] = pixel_values.dims;
      return { data: pixel_values.data as Float32Array, dims: [channels, height, width] };
    } catch (error) {
      if (error instanceof InputError) throw error;
      throw new InputError('MODEL_INVALID', `${path} cannot be followed: ${(error as Error).message}.`, {
        cause: error,
      });
    }
  };
}

const toPixels = ({
  data,
  width,
  height,
}: {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
}) => ({
  data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  width,
  height,
});
