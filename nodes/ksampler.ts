// MODEL, two CONDITIONINGs and a LATENT → the LATENT drawn.
import { sample } from '../engine/diffusion/sample.ts';
import { defineNode, port } from './define-node.ts';
import { showSampling } from './latent-preview.ts';
import { denoiseInput, samplerSettings } from './sampler-inputs.ts';

export const ksampler = defineNode({
  type: 'KSampler',
  displayName: 'KSampler',
  category: 'sampling',
  description: 'Draws: removes noise step by step, towards the positive prompt and away from the negative one.',
  searchAliases: ['sampler', 'sample', 'generate', 'denoise', 'diffuse', 'txt2img', 'img2img'],
  inputs: {
    model: port('MODEL', { tooltip: 'The model that draws.' }),
    ...samplerSettings,
    positive: port('CONDITIONING', { tooltip: 'What the picture should show.' }),
    negative: port('CONDITIONING', { tooltip: 'What the picture should not show.' }),
    latent_image: port('LATENT', { tooltip: 'What to draw on: an empty latent, or an encoded picture.' }),
    denoise: denoiseInput(),
  },
  outputs: { LATENT: port('LATENT', { tooltip: 'What was drawn, for VAE Decode.' }) },
  run: async (inputs, context) => {
    const { model, positive, negative, latent_image: latent, seed, steps, cfg, denoise } = inputs;
    const view = showSampling(model.previewVae, context);
    const drawn = await sample({
      model,
      positive,
      negative,
      latent,
      seed,
      steps,
      cfg,
      sampler: inputs.sampler_name,
      scheduler: inputs.scheduler,
      denoise,
      signal: context.signal,
      onStep: (at) => {
        context.progress(at.step, at.steps);
        view.onStep(at);
      },
    }).finally(view.close);
    return { LATENT: drawn };
  },
});
