// Widgets of the nodes that sample, with ComfyUI's defaults and ranges.
import { samplerNames } from '../engine/diffusion/samplers.ts';
import { scheduleNames } from '../engine/diffusion/schedules.ts';
import { combo, float, int } from './define-node.ts';
import { seedInput } from './seed.ts';

export const samplerSettings = {
  seed: seedInput('The noise to start from. The same seed gives the same picture on the same machine.'),
  steps: int({
    default: 20,
    min: 1,
    max: 10_000,
    tooltip: 'Number of steps from noise to picture. About 20; Turbo and LCM models need 1 to 8.',
  }),
  cfg: float({
    default: 8,
    min: 0,
    max: 100,
    step: 0.1,
    round: 0.01,
    tooltip: 'How closely to follow the prompt. Too high looks burnt. 1 is fastest, but ignores the negative prompt.',
  }),
  sampler_name: combo(samplerNames, {
    legacyCombo: true,
    tooltip: 'How each step is computed. dpmpp_2m needs fewer steps than euler; lcm is for LCM models.',
  }),
  scheduler: combo(scheduleNames, {
    legacyCombo: true,
    tooltip: 'How the noise decreases from step to step. karras goes well with dpmpp_2m, sgm_uniform with lcm.',
  }),
} as const;

export const denoiseInput = () =>
  float({
    default: 1,
    min: 0,
    max: 1,
    step: 0.01,
    tooltip: 'How much of the latent is redrawn. 1: all of it. Less keeps something of an encoded picture.',
  });
