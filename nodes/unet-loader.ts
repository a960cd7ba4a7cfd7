// Name of a diffusion model (a U-Net) → MODEL.
import { combo, defineNode, port } from './define-node.ts';

export const unetLoader = defineNode({
  type: 'UNETLoader',
  displayName: 'Load Diffusion Model',
  category: 'advanced/loaders',
  description:
    'Loads a U-Net from a file of its own. The list has the .safetensors files of the folders diffusion_models and unet; text encoder and VAE come from other loaders.',
  searchAliases: ['unet', 'diffusion model'],
  inputs: {
    unet_name: combo((sources) => sources.models('unet'), {
      legacyCombo: true,
      model: 'unet',
      tooltip: 'The model: a U-Net of Stable Diffusion 1, 2 or XL, in the original’s names or those of diffusers.',
    }),
    weight_dtype: combo(['default', 'fp8_e4m3fn', 'fp8_e4m3fn_fast', 'fp8_e5m2'], {
      legacyCombo: true,
      tooltip: 'Only for graphs made with ComfyUI: weights stay in the type that the file has, whatever is chosen.',
    }),
  },
  outputs: { MODEL: port('MODEL', { tooltip: 'The model that removes noise, for KSampler.' }) },
  run: async ({ unet_name }, { models }) => ({ MODEL: await models.diffusionModel(unet_name) }),
});
