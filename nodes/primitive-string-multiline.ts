// STRING widget of several lines → STRING: a text that several nodes share.
import { defineNode, port, string } from './define-node.ts';

export const primitiveStringMultiline = defineNode({
  type: 'PrimitiveStringMultiline',
  displayName: 'String (Multiline)',
  category: 'utils/primitive',
  description: 'A text of several lines that several nodes can share.',
  inputs: { value: string({ multiline: true, tooltip: 'The text.' }) },
  outputs: { STRING: port('STRING', { tooltip: 'The text.' }) },
  run: ({ value }) => ({ STRING: value }),
});
