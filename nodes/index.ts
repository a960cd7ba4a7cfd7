// Every node of this pack: the one list.

import { checkpointLoader } from './checkpoint-loader.ts';
import { clipLoader } from './clip-loader.ts';
import { clipSetLastLayer } from './clip-set-last-layer.ts';
import { clipSimilarity } from './clip-similarity.ts';
import { clipTextEncode } from './clip-text-encode.ts';
import { clipVisionLoader } from './clip-vision-loader.ts';
import { conditioningAverage } from './conditioning-average.ts';
import { conditioningCombine } from './conditioning-combine.ts';
import { conditioningConcat } from './conditioning-concat.ts';
import type { NodeDefinition } from './define-node.ts';
import { distil } from './distil-prompt.ts';
import { dualClipLoader } from './dual-clip-loader.ts';
import { emptyLatentImage } from './empty-latent-image.ts';
import { imageBatch } from './image-batch.ts';
import { imageScale } from './image-scale.ts';
import { ksampler } from './ksampler.ts';
import { latentUpscale } from './latent-upscale.ts';
import { loadImage } from './load-image.ts';
import { loraLoader } from './lora-loader.ts';
import { loraLoaderModelOnly } from './lora-loader-model-only.ts';
import { modelSamplingDiscrete } from './model-sampling-discrete.ts';
import { nearestWords } from './nearest-words.ts';
import { pezInvert } from './pez-invert.ts';
import { pezRerank } from './pez-rerank.ts';
import { previewAny } from './preview-any.ts';
import { previewImage } from './preview-image.ts';
import { primitiveBoolean } from './primitive-boolean.ts';
import { primitiveFloat } from './primitive-float.ts';
import { primitiveInt } from './primitive-int.ts';
import { primitiveString } from './primitive-string.ts';
import { primitiveStringMultiline } from './primitive-string-multiline.ts';
import { promptBlend } from './prompt-blend.ts';
import { promptWords } from './prompt-words.ts';
import { saveImage } from './save-image.ts';
import { tokenSwap } from './token-swap.ts';
import { unetLoader } from './unet-loader.ts';
import { vaeDecode } from './vae-decode.ts';
import { vaeEncode } from './vae-encode.ts';
import { vaeLoader } from './vae-loader.ts';

export const nodes: readonly NodeDefinition[] = [
  loadImage,
  clipLoader,
  clipVisionLoader,
  pezInvert,
  promptBlend,
  tokenSwap,
  distil,
  clipSimilarity,
  promptWords,
  nearestWords,
  pezRerank,
  checkpointLoader,
  unetLoader,
  dualClipLoader,
  vaeLoader,
  clipTextEncode,
  clipSetLastLayer,
  loraLoader,
  loraLoaderModelOnly,
  conditioningAverage,
  conditioningConcat,
  conditioningCombine,
  modelSamplingDiscrete,
  emptyLatentImage,
  ksampler,
  vaeDecode,
  vaeEncode,
  latentUpscale,
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
