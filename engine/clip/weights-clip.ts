// The weights of a CLIP → the same as from ONNX files: tokenizer, text encoder, image encoder.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ClipTextSizes } from '../architectures/clip-text.ts';
import { InputError } from '../errors.ts';
import { immich } from '../hub/clip-layouts/immich.ts';
import type { Device } from '../onnx/device.ts';
import type { Clip, LoadOptions, VisionTower } from './clip.ts';
import { bundledClipTokenizer, hasTokenizer, loadClipTokenizer } from './clip-tokenizer.ts';
import { type ClipWeights, textTowerOf, visionTowerOf } from './clip-weights.ts';
import { type ImageEncoder, makeImageEncoder } from './image-encoder.ts';
import { loadPreprocess, makePreprocess } from './preprocess.ts';
import { makeTextEncoder } from './text-encoder.ts';
import type { Tokenizer } from './tokenizer.ts';

interface PlaceOptions extends Pick<LoadOptions, 'cacheDir'> {
  readonly device: Device;
}

/** Throws MODEL_UNSUPPORTED if the text tower cannot be compared with pictures, MODEL_INVALID. */
export async function clipFromWeights(name: string, weights: ClipWeights, options: PlaceOptions): Promise<Clip> {
  const { path, sizes } = textTowerOf(weights, options);
  if (sizes.projection === undefined)
    throw new InputError(
      'MODEL_UNSUPPORTED',
      `${weights.path} is a text tower without text_projection, the matrix that leads into the space of pictures: it can draw, not judge. Give the whole CLIP, such as openai/clip-vit-large-patch14.`,
    );
  const tokenizer = await tokenizerOf(weights, sizes);
  return {
    name,
    dir: weights.dir,
    device: options.device,
    textModelPath: path,
    tokenizer,
    text: makeTextEncoder({ path, device: options.device }, tokenizer, sizes.projection),
    image: weights.found.vision ? visionFromWeights(name, weights, options).image : withoutEyes(weights.path),
  };
}

/** Throws MODEL_UNSUPPORTED if there is no picture tower, or none with a projection; MODEL_INVALID. */
export function visionFromWeights(name: string, weights: ClipWeights, options: PlaceOptions): VisionTower {
  const { path, sizes } = visionTowerOf(weights, options);
  if (sizes.projection === undefined)
    throw new InputError(
      'MODEL_UNSUPPORTED',
      `${weights.path} is a picture tower without visual_projection, the matrix that leads into the space of texts: it cannot judge.`,
    );
  const load = () => {
    const file = join(weights.dir, 'preprocessor_config.json');
    // Of the files of OpenCLIP, the configuration says it.
    if (weights.found.layout === 'transformers' && existsSync(file)) return loadPreprocess(weights.dir);
    return makePreprocess(
      immich.readProcessor({ ...weights.config.openClip?.preprocess_cfg, size: sizes.image }, weights.path),
      weights.path,
    );
  };
  return { name, image: makeImageEncoder({ path, device: options.device }, load), dim: sizes.projection };
}

/** The folder's tokenizer, or the one of OpenAI's CLIP for a table of its size. */
async function tokenizerOf({ dir, path }: ClipWeights, { vocabulary, context }: ClipTextSizes): Promise<Tokenizer> {
  const tokenizer = hasTokenizer(dir) ? await loadClipTokenizer(dir, context) : await bundledClipTokenizer(context);
  if (tokenizer.vocabSize <= vocabulary) return tokenizer;
  throw new InputError(
    'MODEL_INVALID',
    `${path} has ${vocabulary} token embeddings, and ${hasTokenizer(dir) ? `the tokenizer in ${dir}` : 'CLIP’s own tokenizer'} ${tokenizer.vocabSize} tokens: put the tokenizer that belongs to it (tokenizer.json, or vocab.json and merges.txt) beside it.`,
  );
}

const withoutEyes = (path: string): ImageEncoder => ({
  encode: async () => {
    throw new InputError('MODEL_UNSUPPORTED', `${path} cannot read images: it holds the text tower of a CLIP alone.`);
  },
});
