// Name of a CLIP model → CLIP.
import { combo, defineNode, optional, port } from './define-node.ts';

export const clipLoader = defineNode({
  type: 'CLIPLoader',
  displayName: 'Load CLIP',
  category: 'advanced/loaders',
  description:
    'Loads a CLIP: the model that tells how well a text matches a picture. The list has the bundled models and those in models/clip.',
  searchAliases: ['load clip', 'text encoder', 'pico-clip'],
  inputs: {
    clip_name: combo((sources) => sources.clips(), {
      legacyCombo: true,
      model: 'clip',
      tooltip: 'The model. pico-clip comes with the program: it is small and knows emoji pictures.',
    }),
    type: optional(
      combo(['stable_diffusion'], {
        legacyCombo: true,
        advanced: true,
        tooltip: 'Only for graphs made with ComfyUI: every model in the list is a CLIP.',
      }),
    ),
    device: optional(
      combo(['default', 'cpu'], {
        legacyCombo: true,
        advanced: true,
        tooltip: 'Only for graphs made with ComfyUI: models run on the device that the server was started with.',
      }),
    ),
  },
  outputs: { CLIP: port('CLIP', { tooltip: 'The model, for the nodes that read prompts and pictures.' }) },
  run: async ({ clip_name }, context) => ({
    CLIP: await context.models.clip(clip_name, {
      signal: context.signal,
      onProgress: (done, total) => context.progress(done, total),
    }),
  }),
});
