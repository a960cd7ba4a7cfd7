// A size → an empty LATENT to draw on.
import { bytesOfEmptyLatent, emptyLatent } from '../engine/diffusion/latent.ts';
import { defineNode, int, port } from './define-node.ts';

const side = (name: string) =>
  int({
    default: 512,
    min: 16,
    max: 16_384,
    step: 8,
    tooltip: `The ${name} of the pictures in pixels. Use the size the model was trained on: 512 for Stable Diffusion 1, 64 for pico-diffusion.`,
  });

export const emptyLatentImage = defineNode({
  type: 'EmptyLatentImage',
  displayName: 'Empty Latent Image',
  category: 'latent',
  description: 'An empty latent to draw on. It adapts to the model that draws on it.',
  searchAliases: ['empty', 'empty latent', 'new latent', 'create latent', 'blank latent'],
  inputs: {
    width: side('width'),
    height: side('height'),
    batch_size: int({ default: 1, min: 1, max: 4096, tooltip: 'How many pictures to draw at once.' }),
  },
  outputs: { LATENT: port('LATENT', { tooltip: 'The empty latents, for KSampler.' }) },
  memory: ({ width, height, batch_size: batch }) => bytesOfEmptyLatent({ width, height, batch }),
  run: ({ width, height, batch_size: batch }) => ({ LATENT: emptyLatent({ width, height, batch }) }),
});
