// Two CONDITIONINGs → their weighted mean.
import { averageConditioning } from '../engine/diffusion/conditioning.ts';
import { defineNode, float, port } from './define-node.ts';

export const conditioningAverage = defineNode({
  type: 'ConditioningAverage',
  displayName: 'Conditioning (Average)',
  category: 'conditioning',
  description: 'Mixes two encoded prompts number by number, to draw something between the two.',
  searchAliases: ['blend prompts', 'interpolate conditioning', 'mix prompts'],
  inputs: {
    conditioning_to: port('CONDITIONING', { tooltip: 'The prompt that the strength applies to.' }),
    conditioning_from: port('CONDITIONING', { tooltip: 'The other prompt. It gets the remaining strength.' }),
    conditioning_to_strength: float({
      default: 1,
      min: 0,
      max: 1,
      step: 0.01,
      tooltip: '1: only conditioning_to. 0: only conditioning_from.',
    }),
  },
  outputs: { CONDITIONING: port('CONDITIONING', { tooltip: 'The mixture.' }) },
  run: ({ conditioning_to: to, conditioning_from: from, conditioning_to_strength: strength }) => ({
    CONDITIONING: averageConditioning(to, from, strength),
  }),
});
