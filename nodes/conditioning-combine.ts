// Two CONDITIONINGs → both, each asked at every step.
import { combineConditioning } from '../engine/diffusion/conditioning.ts';
import { defineNode, port } from './define-node.ts';

export const conditioningCombine = defineNode({
  type: 'ConditioningCombine',
  displayName: 'Conditioning (Combine)',
  category: 'conditioning',
  description: 'Runs the model for both prompts at each step and averages the results.',
  searchAliases: ['combine prompts', 'merge conditioning'],
  inputs: {
    conditioning_1: port('CONDITIONING', { tooltip: 'One prompt.' }),
    conditioning_2: port('CONDITIONING', { tooltip: 'Another prompt.' }),
  },
  outputs: {
    CONDITIONING: port('CONDITIONING', { tooltip: 'Both prompts. Each costs one run of the model per step.' }),
  },
  run: ({ conditioning_1: a, conditioning_2: b }) => ({ CONDITIONING: combineConditioning(a, b) }),
});
