// MODEL, CLIP and the name of a LoRA → both with the LoRA at work.
import { withClipLora, withModelLora } from '../engine/diffusion/lora.ts';
import { promptModelOf } from './clip-kinds.ts';
import { defineNode, port } from './define-node.ts';
import { loraName, loraStrength } from './lora-inputs.ts';

export const loraLoader = defineNode({
  type: 'LoraLoader',
  displayName: 'Load LoRA (Model and CLIP)',
  category: 'loaders',
  description:
    'Adds a LoRA, a small file with a style or a subject, to a checkpoint. Several of these nodes one after the other add several.',
  searchAliases: ['lora', 'load lora', 'lora loader'],
  inputs: {
    model: port('MODEL', { tooltip: 'The model of Load Checkpoint, from a .safetensors file.' }),
    clip: port('CLIP', { tooltip: 'The text encoder of Load Checkpoint.' }),
    lora_name: loraName,
    strength_model: loraStrength('the pictures'),
    strength_clip: loraStrength('how prompts are read'),
  },
  outputs: {
    MODEL: port('MODEL', { tooltip: 'The model with the LoRA, for KSampler.' }),
    CLIP: port('CLIP', { tooltip: 'The text encoder with the LoRA, for CLIP Text Encode.' }),
  },
  run: ({ model, clip, lora_name: name, strength_model: onModel, strength_clip: onClip }, { models }) => {
    const path = models.loraPath(name);
    return { MODEL: withModelLora(model, path, onModel), CLIP: withClipLora(promptModelOf(clip), path, onClip) };
  },
});
