// INT widget → INT: a whole number that several nodes share, a seed for example.
import { defineNode, int, port } from './define-node.ts';

/** ComfyUI's bounds, Python's sys.maxsize. */
const MAX = 2n ** 63n - 1n;

export const primitiveInt = defineNode({
  type: 'PrimitiveInt',
  displayName: 'Int',
  category: 'utils/primitive',
  description: 'A whole number that several nodes can share, such as a seed.',
  inputs: { value: int({ default: 0, min: -MAX, max: MAX, control_after_generate: true, tooltip: 'The number.' }) },
  outputs: { INT: port('INT', { tooltip: 'The number.' }) },
  run: ({ value }) => ({ INT: value }),
});
