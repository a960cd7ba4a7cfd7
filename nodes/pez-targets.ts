// Pictures and texts of a node's sockets → the targets of a search.
import { InputError } from '../engine/errors.ts';
import { allBytesOf } from '../engine/image/batch.ts';
import type { Target } from '../engine/pez/options.ts';
import { linesOf, numbersOf } from './read-text.ts';
import type { ImageBatch } from './values.ts';

export interface TargetInputs {
  readonly images: ImageBatch;
  /** One number a picture, or nothing: 1 each. */
  readonly imageWeights?: string | undefined;
  /** More targets, one a line. */
  readonly texts?: string | undefined;
  readonly negativeImages?: ImageBatch | undefined;
  readonly negativeTexts?: string | undefined;
  /** How strongly the negative ones push away, above 0. */
  readonly negativeWeight: number;
}

/** Throws OPTION_INVALID where weights and pictures are not as many. */
export function targetsOf(inputs: TargetInputs): Target[] {
  const images = allBytesOf(inputs.images);
  const weights = numbersOf('image_weights', inputs.imageWeights);
  if (weights.length > 0 && weights.length !== images.length)
    throw new InputError(
      'OPTION_INVALID',
      `image_weights has ${weights.length} numbers for ${images.length} pictures; write one for each, or none.`,
    );
  const weight = -inputs.negativeWeight;
  const negative = inputs.negativeImages ? allBytesOf(inputs.negativeImages) : [];
  const all: Target[] = [
    ...images.map((image, i) => ({ image, weight: weights[i] ?? 1 })),
    ...linesOf(inputs.texts).map((text) => ({ text })),
    ...negative.map((image) => ({ image, weight })),
    ...linesOf(inputs.negativeTexts).map((text) => ({ text, weight })),
  ];
  // The engine refuses targets that all weigh nothing, but single ones may be switched off.
  return all.filter((target) => target.weight !== 0 || all.every((t) => t.weight === 0));
}
