// What both LoRA loaders ask for.
import { MAX_STRENGTH } from '../engine/diffusion/lora.ts';
import { combo, float } from './define-node.ts';

export const loraName = combo((sources) => sources.models('lora'), {
  legacyCombo: true,
  model: 'lora',
  tooltip: 'A .safetensors file in models/loras, made for this kind of checkpoint.',
});

export const loraStrength = (what: string) =>
  float({
    default: 1,
    min: -MAX_STRENGTH,
    max: MAX_STRENGTH,
    step: 0.01,
    tooltip: `How strongly it changes ${what}: 0 not at all, 1 as it was trained; negative turns it around. Another strength needs no new loading.`,
  });
