// What the rules of pictures' ops do not cover is refused with the reason, not answered with something else.
import { gradient } from '../../engine/autodiff/gradient.ts';
import { writeModel } from '../../engine/onnx/write.ts';
import { type AttributeSpec, type InputSpec, makeModel } from '../helpers/model.ts';

interface Refusal {
  readonly op: string;
  readonly inputs: readonly (InputSpec | null)[];
  readonly attributes?: Readonly<Record<string, AttributeSpec>>;
  readonly opset?: number;
  readonly outputs?: readonly string[];
  readonly why: string;
}

const f32 = (dims: readonly number[], values?: readonly number[]): InputSpec => ({
  type: 'float32',
  dims,
  ...(values && { values }),
});
const i64 = (values: readonly number[], dims: readonly number[] = [values.length]): InputSpec => ({
  type: 'int64',
  dims,
  values,
});

const PICTURE = f32([1, 2, 4, 4]);

const REFUSALS: readonly Refusal[] = [
  {
    op: 'BatchNormalization',
    inputs: [PICTURE, f32([2]), f32([2]), f32([2]), f32([2])],
    attributes: { training_mode: 1 },
    outputs: ['y', 'mean', 'variance'],
    why: 'only inference (training_mode = 0, one output) has a gradient rule',
  },
  {
    op: 'MaxPool',
    inputs: [f32([1, 1, 2])],
    attributes: { kernel_shape: [2], dilations: [3], pads: [1, 1] },
    why: 'one of its windows lies wholly in the padding, which has no gradient rule',
  },
  {
    op: 'Resize',
    inputs: [PICTURE, null, null, i64([1, 2, 2, 2])],
    attributes: { keep_aspect_ratio_policy: 'not_larger' },
    opset: 18,
    why: 'only keep_aspect_ratio_policy "stretch" has a gradient rule',
  },
  {
    op: 'Resize',
    inputs: [PICTURE, f32([8]), null, i64([1, 2, 2, 2])],
    attributes: { mode: 'linear', coordinate_transformation_mode: 'tf_crop_and_resize' },
    why: 'its region of interest is computed, not constant',
  },
  {
    op: 'GridSample',
    inputs: [PICTURE, f32([1, 3, 3, 2])],
    attributes: { padding_mode: 'reflection' },
    why: 'padding_mode "reflection" has no gradient rule',
  },
  {
    op: 'GridSample',
    inputs: [PICTURE, f32([1, 3, 3, 2])],
    attributes: { mode: 'bicubic' },
    why: 'mode "bicubic" has no gradient rule',
  },
  {
    op: 'GridSample',
    inputs: [f32([1, 1, 2, 2, 2]), f32([1, 2, 2, 2, 3])],
    attributes: { mode: 'linear' },
    opset: 20,
    why: 'only pictures of two spatial axes have a gradient rule',
  },
  {
    op: 'Attention',
    inputs: [f32([1, 1, 2, 4]), f32([1, 1, 3, 4]), f32([1, 1, 3, 4])],
    attributes: { softcap: { float: 5 } },
    opset: 23,
    why: 'softcap has no gradient rule',
  },
  {
    op: 'ScatterND',
    inputs: [f32([4]), i64([1], [1, 1]), f32([1])],
    attributes: { reduction: 'mul' },
    opset: 18,
    why: 'only reductions "none" and "add" have a gradient rule, not "mul"',
  },
  {
    op: 'ScatterElements',
    inputs: [f32([4]), i64([1]), f32([1])],
    attributes: { reduction: 'max' },
    opset: 18,
    why: 'only reductions "none" and "add" have a gradient rule, not "max"',
  },
];

test.each(REFUSALS)('$op: $why', async ({ op, inputs, attributes = {}, opset = 17, outputs = ['y'], why }) => {
  const named = inputs.flatMap((input, i) => (input ? [[`x${i}`, input] as const] : []));
  const model = makeModel({
    nodes: [{ op, inputs: inputs.map((input, i) => (input ? `x${i}` : '')), attributes, outputs }],
    inputs: Object.fromEntries(named),
    opset,
  });
  await expect(gradient(writeModel(model), { of: 'y', wrt: ['x0'] })).rejects.toThrow(
    expect.objectContaining({ code: 'OP_WITHOUT_GRADIENT', message: expect.stringContaining(`and ${why}.`) }),
  );
});
