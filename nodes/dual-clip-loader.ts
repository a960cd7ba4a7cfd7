// Names of two text encoders → the CLIP of SD XL.
import { combo, defineNode, port } from './define-node.ts';
import { checkEncoderType, encoderDevice } from './encoder-inputs.ts';

const TYPES = ['sdxl'] as const;

export const dualClipLoader = defineNode({
  type: 'DualCLIPLoader',
  displayName: 'DualCLIPLoader',
  category: 'advanced/loaders',
  description:
    'Loads the two text encoders of SD XL, CLIP ViT-L and OpenCLIP ViT-bigG, from files of their own, in any order. The list has what Load CLIP lists.',
  searchAliases: ['clip', 'text encoder', 'sdxl'],
  inputs: {
    clip_name1: combo((sources) => sources.models('clip'), {
      legacyCombo: true,
      model: 'clip',
      tooltip: 'One text encoder: a .safetensors file, or a folder with one.',
    }),
    clip_name2: combo((sources) => sources.models('clip'), {
      legacyCombo: true,
      model: 'clip',
      tooltip: 'The other one.',
    }),
    type: combo(TYPES, { legacyCombo: true, tooltip: 'The model that reads the prompts.' }),
    device: encoderDevice(),
  },
  outputs: { CLIP: port('CLIP', { tooltip: 'Both text encoders, for CLIP Text Encode.' }) },
  validates: ['type'],
  validate: ({ type }) => checkEncoderType(type, TYPES),
  run: async ({ clip_name1, clip_name2, type }, { models }) => ({
    CLIP: await models.textEncoders([clip_name1, clip_name2], type),
  }),
});
