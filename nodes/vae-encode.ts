// IMAGE → LATENT.
import { encodeImage } from '../engine/diffusion/checkpoint.ts';
import { defineNode, port } from './define-node.ts';

export const vaeEncode = defineNode({
  type: 'VAEEncode',
  displayName: 'VAE Encode',
  category: 'latent',
  description: 'Turns pictures into latents for KSampler to draw on (with a denoise below 1).',
  searchAliases: ['encode', 'image to latent', 'img2img'],
  inputs: {
    pixels: port('IMAGE', { tooltip: 'The pictures. Their sides are cropped to multiples of 8 pixels.' }),
    vae: port('VAE', { tooltip: 'The VAE of the checkpoint that will draw on them.' }),
  },
  outputs: { LATENT: port('LATENT', { tooltip: 'The pictures as latents.' }) },
  run: async ({ pixels, vae }, { signal }) => ({ LATENT: await encodeImage(vae, pixels, signal) }),
});
