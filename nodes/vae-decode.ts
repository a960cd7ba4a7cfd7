// LATENT → IMAGE.
import { decodeLatent } from '../engine/diffusion/checkpoint.ts';
import { defineNode, port } from './define-node.ts';

export const vaeDecode = defineNode({
  type: 'VAEDecode',
  displayName: 'VAE Decode',
  category: 'latent',
  description: 'Turns latents into pictures.',
  searchAliases: ['decode', 'latent to image', 'render latent'],
  inputs: {
    samples: port('LATENT', { tooltip: 'The latents from KSampler.' }),
    vae: port('VAE', { tooltip: 'The VAE of the same checkpoint.' }),
  },
  outputs: { IMAGE: port('IMAGE', { tooltip: 'The pictures.' }) },
  memory: ({ samples: { shape }, vae }) => 4 * shape[0] * 3 * shape[2] * shape[3] * vae.config.scale ** 2,
  run: async ({ samples, vae }, { signal }) => ({ IMAGE: await decodeLatent(vae, samples, signal) }),
});
