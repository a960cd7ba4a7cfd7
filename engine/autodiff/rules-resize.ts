// The rule of Resize: g times the transposed matrix of taps, one axis after the other.
import { intAttribute, intsAttribute, stringAttribute } from '../onnx/graph.ts';
import { sizeOf } from '../onnx/tensor.ts';
import { constantNumbers, type Value } from './builder.ts';
import { fromFront, gemm, matmul, range, reshape, sum } from './ops.ts';
import { type ResizeAxis, resizeTaps } from './resize-taps.ts';
import { type GradientRule, noGradient, type RuleArguments } from './rule.ts';

/** y = R₁⊗R₂⊗… x, one matrix an axis:  dx = R₁ᵀ⊗R₂ᵀ⊗… g */
export const resizeRule: GradientRule = (args) => {
  const { x, g, node } = args;
  const others = [noGradient('is read with tf_crop_and_resize alone'), null, null].slice(0, x.length - 1);
  if (String(g.dims) === String(x[0].dims)) return [g, ...others];
  const dx = axesOf(args).reduce((part, axis, i) => {
    if (axis.from === axis.to && (axis.scale === 1 || intAttribute(node, 'antialias', 0))) return part;
    return axisBack(part, i, axis, resizeTaps(node, axis));
  }, g);
  return [dx, ...others];
};

/** Sizes, scale and region of every axis of x. */
function axesOf({ x: [x, roiInput, scalesInput, sizesInput], y: [y], node }: RuleArguments): ResizeAxis[] {
  const rank = x.dims.length;
  const axes = fromFront(intsAttribute(node, 'axes') ?? range(rank), rank);
  const scales = sizesInput ? undefined : constantNumbers(scalesInput, 'its scales are');
  if (sizesInput && stringAttribute(node, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch') {
    throw new RangeError('only keep_aspect_ratio_policy "stretch" has a gradient rule');
  }
  const cropped = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel') === 'tf_crop_and_resize';
  const roi = cropped && roiInput ? constantNumbers(roiInput, 'its region of interest is') : undefined;
  return x.dims.map((from, i) => {
    const to = y.dims[i];
    const k = axes.indexOf(i);
    const scale = scales ? (k < 0 ? 1 : scales[k]) : to / from;
    const region: [number, number] = roi && k >= 0 ? [roi[k], roi[k + axes.length]] : [0, 1];
    return { from, to, scale: Math.fround(scale), roi: region };
  });
}

/** Rᵀ·g along one axis. */
function axisBack(g: Value, axis: number, { from, to }: ResizeAxis, taps: Float64Array): Value {
  const before = g.dims.slice(0, axis);
  const after = g.dims.slice(axis + 1);
  const dims = [...before, from, ...after];
  // Every place repeated the same number of times, the usual nearest upsampling, needs no matrix.
  const times = to / from;
  if (Number.isInteger(times) && taps.every((tap, i) => tap === Number(Math.floor(i / from / times) === i % from))) {
    return reshape(sum(reshape(g, [...before, from, times, ...after]), [axis + 1]), dims);
  }
  if (!after.length) {
    const matrix = g.graph.constant(g.type, [to, from], taps);
    return reshape(gemm(reshape(g, [sizeOf(before), to]), matrix, {}), dims);
  }
  const transposed = Float64Array.from(taps, (_, i) => taps[(i % to) * from + Math.floor(i / to)]);
  const matrix = g.graph.constant(g.type, [from, to], transposed);
  return reshape(matmul(matrix, reshape(g, [sizeOf(before), to, sizeOf(after)])), dims);
}
