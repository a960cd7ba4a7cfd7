// Name of a CLIP model → CLIP: one that judges texts and pictures, one that writes for a U-Net, or both, as the model can.
import type { PromptModel } from '../engine/diffusion/checkpoint.ts';
import type { ClipValue } from './clip-kinds.ts';
import { combo, defineNode, optional, port } from './define-node.ts';
import { checkEncoderType, encoderDevice } from './encoder-inputs.ts';

const TYPES = ['stable_diffusion'] as const;

export const clipLoader = defineNode({
  type: 'CLIPLoader',
  displayName: 'Load CLIP',
  category: 'advanced/loaders',
  description:
    'Loads a CLIP: the model that tells how well a text matches a picture, or the text encoder of a checkpoint. The list has the bundled models and those in models/clip and models/text_encoders.',
  searchAliases: ['load clip', 'text encoder', 'pico-clip'],
  inputs: {
    clip_name: combo((sources) => sources.clips(), {
      legacyCombo: true,
      model: 'clip',
      tooltip:
        'The model: a folder, or a .safetensors file. pico-clip comes with the program: it is small and knows emoji pictures.',
    }),
    type: optional(
      combo(TYPES, {
        legacyCombo: true,
        advanced: true,
        tooltip: 'The model that reads the prompts: Stable Diffusion 1 or 2; the file tells which.',
      }),
    ),
    device: encoderDevice(),
  },
  outputs: { CLIP: port('CLIP', { tooltip: 'The model, for the nodes that read prompts and pictures.' }) },
  validates: ['type'],
  validate: ({ type }) => checkEncoderType(type, TYPES),
  run: async ({ clip_name, type = 'stable_diffusion' }, { models, signal, progress }) => {
    const [judge, writer] = await Promise.allSettled([
      models.clip(clip_name, { signal, onProgress: progress }),
      models.textEncoders([clip_name], type),
    ]);
    return { CLIP: combine(judge, writer) };
  },
});

/** Both from one file, where it can do both: each makes its session when it is first used. Throws why it can do neither. */
function combine(
  judge: PromiseSettledResult<Extract<ClipValue, { image: unknown }>>,
  writer: PromiseSettledResult<PromptModel>,
): ClipValue {
  if (writer.status === 'rejected') {
    if (judge.status === 'rejected') throw judge.reason;
    return judge.value;
  }
  const { encode, encoders } = writer.value;
  if (judge.status === 'fulfilled') return { ...judge.value, encode, encoders };
  return { ...writer.value, cannotJudge: judge.reason };
}
