// A text → CONDITIONING, by the text encoder of a checkpoint.
import { encodePrompt } from '../engine/diffusion/checkpoint.ts';
import { promptModelOf } from './clip-kinds.ts';
import { defineNode, port, string } from './define-node.ts';

export const clipTextEncode = defineNode({
  type: 'CLIPTextEncode',
  displayName: 'CLIP Text Encode (Prompt)',
  category: 'conditioning',
  description: 'Turns a prompt into what the model is told when it draws.',
  searchAliases: ['prompt', 'positive prompt', 'negative prompt', 'text', 'conditioning'],
  inputs: {
    text: string({
      multiline: true,
      dynamicPrompts: true,
      tooltip: 'The prompt. (word:1.2) makes a word count more or less, (word) is 1.1 times; any length.',
    }),
    clip: port('CLIP', { tooltip: 'The text encoder of Load Checkpoint.' }),
  },
  outputs: { CONDITIONING: port('CONDITIONING', { tooltip: 'The prompt as the model takes it, for KSampler.' }) },
  run: async ({ text, clip }) => ({ CONDITIONING: await encodePrompt(promptModelOf(clip), text) }),
});
