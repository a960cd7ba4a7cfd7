// BOOLEAN widget → BOOLEAN: a switch that several nodes share.
import { boolean, defineNode, port } from './define-node.ts';

export const primitiveBoolean = defineNode({
  type: 'PrimitiveBoolean',
  displayName: 'Boolean',
  category: 'utils/primitive',
  description: 'A switch that several nodes can share.',
  inputs: { value: boolean({ default: false, tooltip: 'On or off.' }) },
  outputs: { BOOLEAN: port('BOOLEAN', { tooltip: 'On or off.' }) },
  run: ({ value }) => ({ BOOLEAN: value }),
});
