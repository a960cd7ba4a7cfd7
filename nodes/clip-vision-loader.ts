// Name of a CLIP Vision model → CLIP_VISION.
import { combo, defineNode, port } from './define-node.ts';

export const clipVisionLoader = defineNode({
  type: 'CLIPVisionLoader',
  displayName: 'Load CLIP Vision',
  category: 'loaders',
  description:
    'Loads the picture tower of a CLIP from a file of its own, for PEZ Invert: with it, a text encoder without a picture tower judges pictures. The list has the .safetensors files of the folder clip_vision.',
  searchAliases: ['clip vision', 'image encoder'],
  inputs: {
    clip_name: combo((sources) => sources.models('clip_vision'), {
      legacyCombo: true,
      model: 'clip_vision',
      tooltip: 'The picture tower. It must be of the same CLIP as the text tower.',
    }),
  },
  outputs: { CLIP_VISION: port('CLIP_VISION', { tooltip: 'The picture tower, for PEZ Invert.' }) },
  run: async ({ clip_name }, { models, signal, progress }) => ({
    CLIP_VISION: await models.clipVision(clip_name, { signal, onProgress: progress }),
  }),
});
