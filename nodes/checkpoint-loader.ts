// Name of a checkpoint → MODEL, CLIP, VAE.
import { combo, defineNode, port } from './define-node.ts';

export const checkpointLoader = defineNode({
  type: 'CheckpointLoaderSimple',
  displayName: 'Load Checkpoint',
  category: 'loaders',
  description:
    'Loads what draws: the model, its text encoder and its VAE. The list has the bundled checkpoints and those in models/checkpoints.',
  searchAliases: ['load model', 'checkpoint', 'stable diffusion', 'pico-diffusion'],
  inputs: {
    ckpt_name: combo((sources) => sources.checkpoints(), {
      legacyCombo: true,
      model: 'checkpoint',
      tooltip:
        'The checkpoint: a .safetensors file, or a folder in the layout of diffusers with .safetensors files or an ONNX export.',
    }),
  },
  outputs: {
    MODEL: port('MODEL', { tooltip: 'The model that removes noise, for KSampler.' }),
    CLIP: port('CLIP', {
      tooltip:
        'The text encoder, for CLIP Text Encode. The PEZ nodes need the CLIP of Load CLIP, which also sees pictures.',
    }),
    VAE: port('VAE', { tooltip: 'What turns latents into pictures and back.' }),
  },
  run: async ({ ckpt_name }, { models, signal, progress }) => {
    const { model, clip, vae } = await models.checkpoint(ckpt_name, { signal, onProgress: progress });
    return { MODEL: { ...model, previewVae: vae }, CLIP: clip, VAE: vae };
  },
});
