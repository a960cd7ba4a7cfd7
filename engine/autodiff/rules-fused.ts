// Rules of ops that do several steps in one node: each is taken apart, and its steps' rules are used.
import type { Node } from '../onnx/graph.ts';
import { add } from './ops.ts';
import type { GradientRule } from './rule.ts';
import { geluRule } from './rules-normalise.ts';

/** y = gelu(x + b) by the tanh approximation; the bias is optional. */
export const fastGeluRule: GradientRule = ({ x: inputs, g, node, ...rest }) => {
  const [x, bias] = inputs;
  const tanh: Node = { ...node, attributes: new Map([['approximate', { kind: 'string', value: 'tanh' }]]) };
  const [dx] = geluRule({ ...rest, x: [bias ? add(x, bias) : x], g, node: tanh });
  return [dx, bias ? dx : null].slice(0, inputs.length);
};
