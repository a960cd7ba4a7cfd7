// STRING widget → STRING: a line of text that several nodes share.
import { defineNode, port, string } from './define-node.ts';

export const primitiveString = defineNode({
  type: 'PrimitiveString',
  displayName: 'String',
  category: 'utils/primitive',
  description: 'A line of text that several nodes can share.',
  inputs: { value: string({ tooltip: 'The text.' }) },
  outputs: { STRING: port('STRING', { tooltip: 'The text.' }) },
  run: ({ value }) => ({ STRING: value }),
});
