// The matrices of Resize's taps against onnxruntime itself: it resizes the identity matrix, row by row.
import * as ort from 'onnxruntime-node';
import { resizeTaps } from '../../engine/autodiff/resize-taps.ts';
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
    ...NEAREST.map((nearest_mode) => ({ mode: 'nearest', coordinate_transformation_mode, nearest_mode })),
  ]),
  ...NEAREST.map((nearest_mode) => ({
    mode: 'nearest',
    coordinate_transformation_mode: 'tf_half_pixel_for_nn',
    nearest_mode,
  })),
];

test.each(attributes.map((given) => ({ given })))('$given', async ({ given }) => {
  for (const { from, by } of EXAMPLES) {
    const model = makeModel({
      nodes: [{ op: 'Resize', inputs: 'scale' in by ? ['x', '', 's'] : ['x', '', '', 's'], attributes: given }],
      inputs: {
        x: { type: 'float32', dims: [from, 1, 1, from] },
        s:
          'scale' in by
            ? { type: 'float32', dims: [4], values: [1, 1, 1, by.scale] }
            : { type: 'int64', dims: [4], values: [from, 1, 1, by.size] },
      },
    });
    const session = await createSession(model);
    const identity = Float32Array.from({ length: from * from }, (_, i) => Number(i % (from + 1) === 0));
    const { y } = await session.run({ x: new ort.Tensor('float32', identity, [from, 1, 1, from]) });
    const to = y.dims[3];
    const scale = Math.fround('scale' in by ? by.scale : to / from);
    const taps = resizeTaps(model.nodes[0], { from, to, scale, roi: [0, 1] });
    const expected = y.data as Float32Array; // [from, to]
    const worst = Math.max(...taps.map((tap, i) => Math.abs(tap - expected[(i % from) * to + Math.floor(i / from)])));
    expect({ from, by, worst: worst < (given.mode === 'nearest' ? 1e-12 : 3e-6) ? 'close' : worst }).toEqual({
      from,
      by,
      worst: 'close',
    });
  }
});
