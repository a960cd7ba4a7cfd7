// Name of a VAE → VAE.
import { combo, defineNode, port } from './define-node.ts';

export const vaeLoader = defineNode({
  type: 'VAELoader',
  displayName: 'Load VAE',
  category: 'loaders',
  description: 'Loads a VAE from a file of its own. The list has the .safetensors files of the folder vae.',
  searchAliases: ['vae', 'autoencoder'],
  inputs: {
    vae_name: combo((sources) => sources.models('vae'), {
      legacyCombo: true,
      model: 'vae',
      tooltip: 'The VAE, in place of the one that comes with a checkpoint. Both must be for the same kind of model.',
    }),
  },
  outputs: { VAE: port('VAE', { tooltip: 'What turns latents into pictures and back.' }) },
  run: async ({ vae_name }, { models }) => ({ VAE: await models.vae(vae_name) }),
});
