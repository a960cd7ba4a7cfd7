// Name of a CLIP model → CLIP.
import { combo, defineNode, optional, port } from './define-node.ts';

export const clipLoader = defineNode({
  type: 'CLIPLoader',
  displayName: 'Load CLIP',
  category: 'advanced/loaders',
  description:
    'Loads a CLIP: the model that tells how near a text and a picture are. Offered are the bundled models and those in the folder models/clip.',
  searchAliases: ['load clip', 'text encoder', 'pico-clip'],
  inputs: {
    clip_name: combo((sources) => sources.clips(), {
      legacyCombo: true,
      tooltip: 'The model. pico-clip comes with the program; it is small and knows a world of emoji pictures.',
    }),
    type: optional(
      combo(['stable_diffusion'], {
        legacyCombo: true,
        advanced: true,
        tooltip: 'There for graphs made with ComfyUI: every model of the list is a CLIP.',
      }),
    ),
    device: optional(
      combo(['default', 'cpu'], {
        legacyCombo: true,
        advanced: true,
        tooltip: 'There for graphs made with ComfyUI: models run where the server was told to run them.',
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
