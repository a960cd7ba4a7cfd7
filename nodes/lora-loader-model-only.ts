// MODEL and the name of a LoRA → the model with the LoRA at work.
import { withModelLora } from '../engine/diffusion/lora.ts';
import { defineNode, port } from './define-node.ts';
import { loraName, loraStrength } from './lora-inputs.ts';

export const loraLoaderModelOnly = defineNode({
  type: 'LoraLoaderModelOnly',
  displayName: 'Load LoRA',
  category: 'loaders',
  description:
    'Adds a LoRA to a model and leaves the text encoder as it is: for LoRAs that were trained without it, such as LCM.',
  searchAliases: ['lora', 'load lora', 'lora loader'],
  inputs: {
    model: port('MODEL', { tooltip: 'The model of Load Checkpoint, from a .safetensors file.' }),
    lora_name: loraName,
    strength_model: loraStrength('the pictures'),
  },
  outputs: { MODEL: port('MODEL', { tooltip: 'The model with the LoRA, for KSampler.' }) },
  run: ({ model, lora_name: name, strength_model: strength }, { models }) => ({
    MODEL: withModelLora(model, models.loraPath(name), strength),
  }),
});
