// Every node of this pack: the one list.
import { clipLoader } from './clip-loader.ts';
import { clipSimilarity } from './clip-similarity.ts';
import type { NodeDefinition } from './define-node.ts';
import { distil } from './distil-prompt.ts';
import { imageBatch } from './image-batch.ts';
import { imageScale } from './image-scale.ts';
import { loadImage } from './load-image.ts';
import { pezInvert } from './pez-invert.ts';
import { previewAny } from './preview-any.ts';
import { previewImage } from './preview-image.ts';
import { primitiveBoolean } from './primitive-boolean.ts';
import { primitiveFloat } from './primitive-float.ts';
import { primitiveInt } from './primitive-int.ts';
import { primitiveString } from './primitive-string.ts';
import { primitiveStringMultiline } from './primitive-string-multiline.ts';
import { promptBlend } from './prompt-blend.ts';
import { saveImage } from './save-image.ts';
import { tokenSwap } from './token-swap.ts';

export const nodes: readonly NodeDefinition[] = [
  loadImage,
  clipLoader,
  pezInvert,
  promptBlend,
  tokenSwap,
  distil,
  clipSimilarity,
  imageBatch,
  imageScale,
  saveImage,
  previewImage,
  previewAny,
  primitiveString,
  primitiveStringMultiline,
  primitiveInt,
  primitiveFloat,
  primitiveBoolean,
];
