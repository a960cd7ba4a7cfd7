// The files of a folder in diffusers' layout → the parts of a checkpoint: ONNX exports as they are, .safetensors as graphs over their weights.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findParts, type Part } from '../architectures/layouts/find-parts.ts';
import { unetFacts } from '../architectures/unet-facts.ts';
import { loadClipTokenizer } from '../clip/clip-tokenizer.ts';
import { InputError } from '../errors.ts';
import { readJson } from '../hub/read-json.ts';
import { openWeights, type Weights } from '../safetensors/weights.ts';
import type { CheckpointParts, EncoderPart, VaeParts } from './checkpoint-parts.ts';
import { LAST, type LayerChoice, PENULTIMATE, PENULTIMATE_NORMED } from './hidden-layer.ts';
import type { CheckpointFiles } from './layout.ts';
import { type PredictionType, readNoiseLevels } from './noise-levels.ts';
import type { ModelSource } from './onnx-model.ts';
import { textPart, unetPart, vaeParts } from './weight-parts.ts';

/** Throws MODEL_INVALID, MODEL_UNSUPPORTED or MODEL_NOT_FOUND, naming the file. */
export function partsOfFolder(files: CheckpointFiles, prediction: PredictionType | undefined): CheckpointParts {
  const scheduler = prediction === undefined ? files.scheduler : { ...files.scheduler, prediction_type: prediction };
  const unet = unetOf(files.unetPath);
  return {
    dir: files.dir,
    textEncoders: files.textEncoders.map((encoder, i) => encoderOf(encoder, { files, i, isSd2: unet.isSd2 })),
    unet: unet.source,
    vae: vaeOf(files),
    levels: readNoiseLevels(scheduler, files.schedulerPath),
  };
}

const isOnnx = (path: string): boolean => path.endsWith('.onnx');

function unetOf(path: string): { source: ModelSource; isSd2: boolean } {
  // An export's text encoder ends where it has to.
  if (isOnnx(path)) return { source: path, isSd2: false };
  const weights = openWeights(path);
  const part = partIn(weights, 'unet');
  const { linear, classWidth } = unetFacts(weights, part);
  return { source: unetPart(weights, part, configBeside(path)), isSd2: linear && classWidth === undefined };
}

interface EncoderQuestion {
  readonly files: CheckpointFiles;
  readonly i: number;
  readonly isSd2: boolean;
}

function encoderOf(
  { modelPath, tokenizerDir }: CheckpointFiles['textEncoders'][number],
  { files, i, isSd2 }: EncoderQuestion,
): EncoderPart {
  const tokenizer = () => loadClipTokenizer(tokenizerDir);
  const alone: LayerChoice = isSd2 && !isOnnx(modelPath) ? { ...PENULTIMATE_NORMED, leftOut: 1 } : LAST;
  const layer = files.textEncoders.length > 1 ? PENULTIMATE : alone;
  if (isOnnx(modelPath)) return { source: modelPath, tokenizer, layer };
  const weights = openWeights(modelPath);
  const name = i === 0 ? 'text_encoder' : `text_encoder_${i + 1}`;
  const part = textPart(weights, partIn(weights, 'text_encoder'), { name, config: configBeside(modelPath) });
  return { source: part.graph, tokenizer, layer };
}

function vaeOf({ vaeDecoderPath, vaeEncoderPath, vae, textEncoders }: CheckpointFiles): VaeParts {
  const found = (path: string): VaeParts | undefined => {
    if (isOnnx(path)) return;
    const weights = openWeights(path);
    partIn(weights, 'vae_decoder');
    return vaeParts(weights, { json: configBeside(path), isXl: textEncoders.length > 1 });
  };
  const decoder = found(vaeDecoderPath);
  return {
    decoder: decoder?.decoder ?? vaeDecoderPath,
    encoder: (vaeEncoderPath === vaeDecoderPath ? decoder : found(vaeEncoderPath))?.encoder ?? vaeEncoderPath,
    config: decoder?.config ?? vae,
  };
}

/** What the tensors do not tell; without it, the numbers of the known families are taken. */
function configBeside(path: string): Record<string, never> | undefined {
  const config = join(dirname(path), 'config.json');
  return existsSync(config) ? readJson(config) : undefined;
}

function partIn(weights: Weights, wanted: Part['part']): Part {
  const part = findParts(weights).find((p) => p.part === wanted);
  if (part) return part;
  throw new InputError(
    'MODEL_INVALID',
    `${weights.source} holds no ${wanted.replaceAll('_', ' ')}: its first weights are ${[...weights.names].slice(0, 3).join(', ')}.`,
  );
}
