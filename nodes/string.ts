// STRING widget → STRING: a text that several nodes share.
import { defineNode, port, string } from './define-node.ts';

export const primitiveString = defineNode({
  type: 'PrimitiveStringMultiline',
  displayName: 'String (Multiline)',
  category: 'utils/primitive',
  description: 'A text that several nodes can share.',
  inputs: { value: string({ multiline: true }) },
  outputs: { STRING: port('STRING') },
  run: ({ value }) => ({ STRING: value }),
});
