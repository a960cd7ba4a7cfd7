// A checkpoint's text encoders → the text tower that can judge, if one ends in the space of pictures, and the CLIPs that they come from.
import { dirname } from 'node:path';
import { placePart } from '../architectures/part-graph.ts';
import type { TextTower } from '../clip/clip.ts';
import { clipOfWidth, clipsThatFit, type FittingClip } from '../clip/fitting-clips.ts';
import { makeTextEncoder } from '../clip/text-encoder.ts';
import { withoutLoras } from './lora.ts';
import type { OnnxModel } from './onnx-model.ts';
import type { TextEncoderModel } from './prompt-encoder.ts';
import type { PromptModel } from './prompt-model.ts';

/**
 * The last encoder with a projection: bigG's in SD XL, ready for `pairTowers` with the picture tower of the same CLIP. Undefined if there is none,
 * as in SD 1 and 2. LoRAs do not count: the picture tower was trained with the encoder as it was without them. Throws what opening the encoder throws.
 */
export async function judgingTower({ name, encoders }: PromptModel): Promise<TextTower | undefined> {
  for (const { model: changed, tokenizer } of [...encoders].reverse()) {
    const model = withoutLoras(changed);
    if (!(await projects(model))) continue;
    const { source, device } = model;
    const path = typeof source === 'string' ? source : placePart(source, { device });
    const words = await tokenizer();
    return {
      name,
      dir: dirname(model.path),
      device,
      textModelPath: path,
      tokenizer: words,
      text: makeTextEncoder({ path, device }, words),
    };
  }
  return undefined;
}

async function projects({ source, session }: OnnxModel): Promise<boolean> {
  if (typeof source === 'string') return (await session()).outputNames.includes('text_embeds');
  const { find } = source.parameters;
  return (find('text_projection.weight') ?? find('text_projection.transposed')) !== undefined;
}

/** The CLIPs that the encoders come from, as their tables tell; empty if nothing tells. */
export function clipsBehind({ encoders }: PromptModel): readonly FittingClip[] {
  const known = encoders.flatMap((encoder) => clipOfWidth(widthOf(encoder)) ?? []);
  // Two encoders are SD XL's; an ONNX export tells nothing more without being opened.
  return known.length === 0 && encoders.length > 1 ? clipsThatFit('sdxl') : known;
}

const widthOf = ({ model: { source } }: TextEncoderModel): number =>
  typeof source === 'string'
    ? 0
    : (source.parameters.find('text_model.embeddings.token_embedding.weight')?.dims[1] ?? 0);
