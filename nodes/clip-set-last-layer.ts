// A CLIP → the same CLIP, read at an earlier layer: "clip skip".
import { withClipSkip } from '../engine/diffusion/prompt-model.ts';
import { promptModelOf } from './clip-kinds.ts';
import { defineNode, int, port } from './define-node.ts';

export const clipSetLastLayer = defineNode({
  type: 'CLIPSetLastLayer',
  displayName: 'CLIP Set Last Layer',
  category: 'conditioning',
  description:
    'Takes the states of an earlier layer of the text encoder: many checkpoints for drawings were trained with the last but one ("clip skip 2", here -2).',
  searchAliases: ['clip skip', 'clip layer'],
  inputs: {
    clip: port('CLIP', { tooltip: 'The text encoder of Load Checkpoint.' }),
    stop_at_clip_layer: int({
      default: -1,
      min: -24,
      max: -1,
      step: 1,
      tooltip: '-1 is the last layer, -2 the one before it, and so on. A shorter encoder is read at its end.',
    }),
  },
  outputs: { CLIP: port('CLIP', { tooltip: 'The text encoder, read at that layer.' }) },
  run: ({ clip, stop_at_clip_layer: stop }) => ({ CLIP: withClipSkip(promptModelOf(clip), stop) }),
});
