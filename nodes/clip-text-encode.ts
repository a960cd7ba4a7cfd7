// A text → CONDITIONING, by the text encoder of a checkpoint.
import { encodePrompt } from '../engine/diffusion/checkpoint.ts';
import { promptModelOf } from './clip-kinds.ts';
import { defineNode, port, string } from './define-node.ts';

export const clipTextEncode = defineNode({
  type: 'CLIPTextEncode',
  displayName: 'CLIP Text Encode (Prompt)',
  category: 'conditioning',
  description: 'Encodes a prompt into what guides the model when it draws.',
  searchAliases: ['prompt', 'positive prompt', 'negative prompt', 'text', 'conditioning'],
  inputs: {
    text: string({
      multiline: true,
      dynamicPrompts: true,
      tooltip:
        'The prompt, of any length. (word:1.2) makes a word count more, (word:0.8) less; (word) is short for (word:1.1).',
    }),
    clip: port('CLIP', { tooltip: 'The text encoder of Load Checkpoint.' }),
  },
  outputs: { CONDITIONING: port('CONDITIONING', { tooltip: 'The encoded prompt, for KSampler.' }) },
  run: async ({ text, clip }) => ({ CONDITIONING: await encodePrompt(promptModelOf(clip), text) }),
});
