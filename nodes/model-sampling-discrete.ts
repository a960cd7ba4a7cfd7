// A MODEL → the same, told what its output means: for v-models whose file does not say so.
import { withSampling } from '../engine/diffusion/model-sampling.ts';
import type { PredictionType } from '../engine/diffusion/noise-levels.ts';
import { boolean, combo, defineNode, port } from './define-node.ts';

/** ComfyUI's names. */
const PREDICTIONS: Readonly<Record<string, PredictionType>> = {
  eps: 'epsilon',
  v_prediction: 'v_prediction',
  x0: 'sample',
};

export const modelSamplingDiscrete = defineNode({
  type: 'ModelSamplingDiscrete',
  displayName: 'ModelSamplingDiscrete',
  category: 'advanced/model',
  description:
    'Says what a model predicts, where its file does not say it or says it wrongly: pictures that are noise or burnt are the sign.',
  searchAliases: ['v prediction', 'zsnr', 'zero terminal snr', 'prediction type'],
  inputs: {
    model: port('MODEL', { tooltip: 'The model of Load Checkpoint.' }),
    sampling: combo(Object.keys(PREDICTIONS), {
      legacyCombo: true,
      tooltip: 'What it predicts: the noise (eps), a mix of noise and picture (v_prediction), or the picture (x0).',
    }),
    zsnr: boolean({ default: false, tooltip: 'For models that were trained from pure noise on (zero terminal SNR).' }),
  },
  outputs: { MODEL: port('MODEL', { tooltip: 'The same model, for KSampler.' }) },
  run: ({ model, sampling, zsnr }) => ({
    MODEL: withSampling(model, { prediction: PREDICTIONS[sampling], zeroTerminalSnr: zsnr }),
  }),
});
