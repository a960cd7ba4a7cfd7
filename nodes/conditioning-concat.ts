// Two CONDITIONINGs → one that says both, one after the other.
import { concatConditioning } from '../engine/diffusion/conditioning.ts';
import { defineNode, port } from './define-node.ts';

export const conditioningConcat = defineNode({
  type: 'ConditioningConcat',
  displayName: 'Conditioning (Concat)',
  category: 'conditioning',
  description: 'Appends one encoded prompt to another. Each is encoded by itself, so their words do not mix.',
  searchAliases: ['append prompt', 'join prompts'],
  inputs: {
    conditioning_to: port('CONDITIONING', { tooltip: 'The prompt that comes first.' }),
    conditioning_from: port('CONDITIONING', { tooltip: 'The prompt that follows it.' }),
  },
  outputs: { CONDITIONING: port('CONDITIONING', { tooltip: 'Both prompts.' }) },
  run: ({ conditioning_to: to, conditioning_from: from }) => ({ CONDITIONING: concatConditioning(to, from) }),
});
