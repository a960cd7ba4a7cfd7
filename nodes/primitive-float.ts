// FLOAT widget → FLOAT: a number that several nodes share.
import { defineNode, float, port } from './define-node.ts';

/** ComfyUI's bounds, Python's sys.maxsize. */
const MAX = 2n ** 63n - 1n;

export const primitiveFloat = defineNode({
  type: 'PrimitiveFloat',
  displayName: 'Float',
  category: 'utils/primitive',
  description: 'A number that several nodes can share.',
  inputs: { value: float({ default: 0, min: -MAX, max: MAX, step: 0.1, tooltip: 'The number.' }) },
  outputs: { FLOAT: port('FLOAT', { tooltip: 'The number.' }) },
  run: ({ value }) => ({ FLOAT: value }),
});
