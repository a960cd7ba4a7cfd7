// Two CONDITIONINGs → their weighted mean.
import { averageConditioning } from '../engine/diffusion/conditioning.ts';
import { defineNode, float, port } from './define-node.ts';

export const conditioningAverage = defineNode({
  type: 'ConditioningAverage',
  displayName: 'Conditioning (Average)',
  category: 'conditioning',
  description: 'Mixes two prompts number by number: something between the two is drawn.',
  searchAliases: ['blend prompts', 'interpolate conditioning', 'mix prompts'],
  inputs: {
    conditioning_to: port('CONDITIONING', { tooltip: 'The prompt that the strength counts for.' }),
    conditioning_from: port('CONDITIONING', { tooltip: 'The other prompt; it gets what is left of 1.' }),
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
