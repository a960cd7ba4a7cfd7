// A size → an empty LATENT to draw on.
import { emptyLatent } from '../engine/diffusion/latent.ts';
import { defineNode, int, port } from './define-node.ts';

const side = (name: string) =>
  int({
    default: 512,
    min: 16,
    max: 16_384,
    step: 8,
    tooltip: `The ${name} of the pictures in pixels. Take the size that the model was trained on: Stable Diffusion 1 512, pico-diffusion 64.`,
  });

export const emptyLatentImage = defineNode({
  type: 'EmptyLatentImage',
  displayName: 'Empty Latent Image',
  category: 'latent',
  description: 'An empty sheet to draw on. It takes the form that the model which it meets needs.',
  searchAliases: ['empty', 'empty latent', 'new latent', 'create latent', 'blank latent'],
  inputs: {
    width: side('width'),
    height: side('height'),
    batch_size: int({ default: 1, min: 1, max: 4096, tooltip: 'How many pictures to draw at once.' }),
  },
  outputs: { LATENT: port('LATENT', { tooltip: 'The empty latents, for KSampler.' }) },
  run: ({ width, height, batch_size: batch }) => ({ LATENT: emptyLatent({ width, height, batch }) }),
});
