// A text tower and a picture tower of the same CLIP from different places (a checkpoint and a `clip_vision` file) → one CLIP.
import { InputError } from '../errors.ts';
import type { Clip, TextTower, VisionTower } from './clip.ts';

/** Throws MODEL_UNSUPPORTED if their embeddings are of different length: such towers were never trained together. */
export async function pairTowers(text: TextTower, vision: VisionTower): Promise<Clip> {
  const dim = await text.text.dim();
  if (dim !== vision.dim)
    throw new InputError(
      'MODEL_UNSUPPORTED',
      `The text tower of ${text.name} ends in ${dim} numbers, and the picture tower of ${vision.name} in ${vision.dim}: they do not belong to the same CLIP.`,
    );
  return { ...text, name: `${text.name} + ${vision.name}`, image: vision.image };
}
