// The matrices of Resize's taps against onnxruntime itself: it resizes the identity matrix, row by row.
import * as ort from 'onnxruntime-node';
import { resizeTaps } from '../../engine/autodiff/resize-taps.ts';
import type { Model } from '../../engine/onnx/graph.ts';
import { createSession } from '../../engine/onnx/session.ts';
import { type AttributeSpec, makeModel } from '../helpers/model.ts';

type Attributes = Readonly<Record<string, AttributeSpec>>;

interface Example {
  readonly from: number;
  /** A scale, or a size. */
  readonly by: { scale: number } | { size: number };
}

const EXAMPLES: readonly Example[] = [
  ...[2, 3, 1.5, 2.3, 1.1, 0.5, 0.6, 0.37, 0.1].map((scale) => ({ from: 10, by: { scale } })),
  ...[1, 2, 5, 9, 11, 13, 20, 64].map((size) => ({ from: 10, by: { size } })),
  { from: 1, by: { size: 4 } },
  { from: 6, by: { scale: 2.3 } },
  { from: 7, by: { scale: 20 / 7 } },
];
const COORDINATES = ['half_pixel', 'pytorch_half_pixel', 'asymmetric', 'align_corners', 'half_pixel_symmetric'];
const NEAREST = ['floor', 'ceil', 'round_prefer_floor', 'round_prefer_ceil'];

const attributes: readonly Attributes[] = [
  ...COORDINATES.flatMap((coordinate_transformation_mode): Attributes[] => [
    { mode: 'linear', coordinate_transformation_mode },
    { mode: 'cubic', coordinate_transformation_mode },
    { mode: 'cubic', coordinate_transformation_mode, exclude_outside: 1, cubic_coeff_a: { float: -0.5 } },
    ...[0, 1].map((exclude_outside) => ({
      mode: 'linear',
      coordinate_transformation_mode,
      antialias: 1,
      exclude_outside,
    })),
    ...[0, 1].map((exclude_outside) => ({
      mode: 'cubic',
      coordinate_transformation_mode,
      antialias: 1,
      exclude_outside,
    })),
    ...NEAREST.map((nearest_mode) => ({ mode: 'nearest', coordinate_transformation_mode, nearest_mode })),
  ]),
  ...NEAREST.map((nearest_mode) => ({
    mode: 'nearest',
    coordinate_transformation_mode: 'tf_half_pixel_for_nn',
    nearest_mode,
  })),
];

test.each(attributes.map((given) => ({ given })))('$given', async ({ given }) => {
  const model = resizeAll(given);
  const session = await createSession(model);
  const identities = model.inputs.map(({ name, dims }) => {
    const from = dims[0] as number;
    const ones = Float32Array.from({ length: from * from }, (_, i) => Number(i % (from + 1) === 0));
    return [name, new ort.Tensor('float32', ones, [from, 1, 1, from])] as const;
  });
  const out = await session.run(Object.fromEntries(identities));
  const tolerance = given.mode === 'nearest' ? 0 : 3e-6;
  const far = EXAMPLES.filter(({ from, by }, k) => {
    const [expected, to] = [out[`y${k}`].data as Float32Array, out[`y${k}`].dims[3]]; // [from, to]
    const scale = Math.fround('scale' in by ? by.scale : to / from);
    const taps = resizeTaps(model.nodes[k], { from, to, scale, roi: [0, 1] });
    return taps.some((tap, i) => !(Math.abs(tap - expected[(i % from) * to + Math.floor(i / from)]) <= tolerance));
  });
  expect(far).toEqual([]);
});

/** One Resize node for each example. */
function resizeAll(given: Attributes): Model {
  const floats = (values: number[]) => ({ type: 'float32' as const, dims: [4], values });
  const model = makeModel({
    nodes: EXAMPLES.map(({ by }, k) => ({
      op: 'Resize',
      inputs: [`x${k}`, '', ...('scale' in by ? [] : ['']), `s${k}`],
      outputs: [`y${k}`],
      attributes: given,
    })),
    inputs: Object.fromEntries(
      EXAMPLES.flatMap(({ from, by }, k) => [
        [`x${k}`, { type: 'float32', dims: [from, 1, 1, from] }],
        [
          `s${k}`,
          'scale' in by ? floats([1, 1, 1, by.scale]) : { type: 'int64', dims: [4], values: [from, 1, 1, by.size] },
        ],
      ]),
    ),
    outputs: EXAMPLES.map((_, k) => `y${k}`),
    opset: 18,
  });
  return { ...model, nodes: model.nodes.map((n, k) => ({ ...n, name: `resize ${k}` })) };
}
