// Rules of writing to places, and of moving blocks of places into channels and back.

import { intAttribute, type Node, stringAttribute } from '../onnx/graph.ts';
import { fromFront, full, reshape, transpose } from './ops.ts';
import { gatherElements, gatherNd, scatterElements, scatterNd } from './ops-scatter.ts';
import type { GradientRule } from './rule.ts';

/** Does the node add to data (then all of g flows to it) or replace it? */
function adds(node: Node): boolean {
  const reduction = stringAttribute(node, 'reduction', 'none');
  if (reduction === 'none' || reduction === 'add') return reduction === 'add';
  throw new RangeError(`only reductions "none" and "add" have a gradient rule, not "${reduction}"`);
}

/** y = data with updates at indices (last axis of indices = an address): what was replaced gets 0, updates get g there. */
export const scatterNdRule: GradientRule = ({ x: [, indices, updates], g, node }) => [
  adds(node) ? g : scatterNd(g, indices, full(g, updates.dims, 0)),
  null,
  gatherNd(g, indices),
];

/** The same along one axis, elementwise in the others. */
export const scatterElementsRule: GradientRule = ({ x: [data, indices, updates], g, node }) => {
  const [axis] = fromFront([intAttribute(node, 'axis', 0)], data.dims.length);
  const dData = adds(node) ? g : scatterElements(g, indices, full(g, updates.dims, 0), { axis });
  return [dData, null, gatherElements(g, indices, axis)];
};

/** [N, C·b², H, W] → [N, C, H·b, W·b]: the same numbers, moved back. */
export const depthToSpaceRule: GradientRule = ({ x: [x], g, node }) => {
  const b = intAttribute(node, 'blocksize', 1);
  const [n, channels, h, w] = x.dims;
  const blocks = reshape(g, [n, channels / (b * b), h, b, w, b]); // n c h i w j
  // DCR: the channel of x is (i, j, c); CRD: (c, i, j).
  const perm = stringAttribute(node, 'mode', 'DCR') === 'CRD' ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4];
  return [reshape(transpose(blocks, perm), x.dims)];
};

/** [N, C, H·b, W·b] → [N, b²·C, H, W], channel (i, j, c): the same numbers, moved back. */
export const spaceToDepthRule: GradientRule = ({ x: [x], g, node }) => {
  const b = intAttribute(node, 'blocksize', 1);
  const [n, c, h, w] = x.dims;
  const blocks = reshape(g, [n, b, b, c, h / b, w / b]);
  return [reshape(transpose(blocks, [0, 3, 4, 1, 5, 2]), x.dims)];
};
