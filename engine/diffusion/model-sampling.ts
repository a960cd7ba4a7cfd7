// What a model's output means and on which noise levels it was trained, where that follows from its kind or is said by the user.
import type { DiffusionModel } from './checkpoint.ts';
import { type NoiseLevels, type PredictionType, readNoiseLevels } from './noise-levels.ts';

export interface Sampling {
  readonly prediction: PredictionType;
  /** Whether the levels end at pure noise. */
  readonly zeroTerminalSnr: boolean;
}

/** The noise levels that all of Stable Diffusion's models were trained on. `source`: for messages. */
export const stableDiffusionLevels = ({ prediction, zeroTerminalSnr }: Sampling, source?: string): NoiseLevels =>
  readNoiseLevels(
    {
      beta_schedule: 'scaled_linear',
      beta_start: 0.00085,
      beta_end: 0.012,
      num_train_timesteps: 1000,
      prediction_type: prediction,
      rescale_betas_zero_snr: zeroTerminalSnr,
    },
    source,
  );

/** ComfyUI's ModelSamplingDiscrete: the same model, with this said about it. */
export const withSampling = <M extends DiffusionModel>(model: M, sampling: Sampling): M => ({
  ...model,
  levels: stableDiffusionLevels(sampling, model.name),
});
