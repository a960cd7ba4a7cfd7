// The grid of the ops that pictures pass through. Those that are linear in every input and have no float64 kernel
// stand apart: they are checked with steps of 1 in float32 (check-adjoint.ts).
import type { AttributeSpec } from '../helpers/model.ts';
import { ints, node, type RuleCase } from './rule-cases.ts';

type Attributes = Readonly<Record<string, AttributeSpec>>;

/** x, w and attributes of Conv, each shown for what is special about it. */
const CONVS: readonly (readonly [x: number[], w: number[], attributes?: Attributes])[] = [
  [
    [2, 3, 7],
    [4, 3, 3],
  ],
  [
    [2, 3, 7],
    [4, 3, 1],
  ],
  [
    [1, 1, 1],
    [1, 1, 1],
  ],
  [[2, 3, 8], [2, 3, 3], { strides: [2] }],
  [[2, 3, 9], [2, 3, 3], { strides: [2] }],
  [[2, 3, 10], [2, 3, 2], { strides: [4] }], // stride > kernel
  [[2, 3, 11], [2, 3, 2], { strides: [5], pads: [1, 0] }],
  [[2, 3, 9], [2, 3, 3], { dilations: [2], pads: [3, 1] }],
  [[1, 2, 4], [3, 2, 3], { pads: [3, 4] }], // padding ≥ kernel
  [[1, 4, 6], [4, 1, 3], { group: 4, pads: [1, 1] }], // depthwise
  [[2, 4, 6], [8, 1, 3], { group: 4 }], // two filters a channel
  [
    [2, 3, 6, 5],
    [4, 3, 3, 3],
  ],
  [
    [2, 3, 6, 5],
    [4, 3, 1, 1],
  ],
  [[1, 3, 6, 5], [4, 3, 1, 1], { strides: [2, 2] }],
  [
    [1, 3, 6, 5],
    [4, 3, 6, 5],
  ], // as large as the picture
  [[2, 3, 6, 5], [4, 3, 3, 3], { pads: [1, 1, 1, 1] }],
  [[2, 3, 7, 8], [4, 3, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 2] }],
  [[2, 3, 7, 8], [4, 3, 3, 2], { pads: [0, 1, 2, 0], strides: [1, 3] }], // uneven
  [[2, 3, 9, 8], [4, 3, 3, 2], { pads: [2, 0, 1, 3], strides: [3, 2], dilations: [2, 3] }],
  [[1, 3, 8, 8], [2, 3, 2, 2], { strides: [3, 3] }],
  [[1, 3, 9, 10], [2, 3, 1, 2], { strides: [4, 4] }],
  [[2, 4, 5, 6], [6, 2, 3, 3], { group: 2 }],
  [[2, 4, 5, 6], [6, 2, 3, 3], { group: 2, strides: [2, 2], pads: [1, 1, 1, 1] }],
  [[2, 4, 6, 6], [4, 1, 3, 3], { group: 4, pads: [1, 1, 1, 1] }],
  [[1, 4, 7, 7], [4, 1, 5, 5], { group: 4, strides: [2, 2], pads: [2, 2, 2, 2] }],
  [[1, 3, 4, 4], [9, 1, 2, 2], { group: 3, dilations: [2, 2] }],
  ...['SAME_UPPER', 'SAME_LOWER', 'VALID'].flatMap((auto_pad): [number[], number[], Attributes][] => [
    [[1, 2, 7, 6], [3, 2, 3, 2], { auto_pad }],
    [[1, 2, 7, 6], [3, 2, 4, 3], { auto_pad, strides: [2, 3] }],
    [[1, 2, 8, 9], [3, 2, 2, 4], { auto_pad, strides: [3, 2] }],
    [[1, 2, 9], [3, 2, 2], { auto_pad }],
  ]),
  [
    [1, 2, 4, 5, 3],
    [3, 2, 2, 3, 1],
  ],
  [[2, 2, 4, 5, 3], [4, 1, 2, 3, 2], { group: 2, strides: [1, 2, 2], pads: [0, 1, 1, 1, 0, 0] }],
  [[1, 2, 5, 5, 5], [2, 2, 2, 2, 2], { dilations: [2, 1, 3], pads: [1, 0, 2, 0, 1, 1] }],
];

/** The same of ConvTranspose, whose kernel is [C, M/group, …]. */
const TRANSPOSED: typeof CONVS = [
  [
    [2, 3, 5],
    [3, 4, 3],
  ],
  [
    [2, 3, 1],
    [3, 4, 1],
  ],
  [[2, 3, 5], [3, 4, 3], { strides: [2], output_padding: [1] }],
  [[2, 3, 5], [3, 4, 2], { strides: [4], output_padding: [3] }], // stride > kernel
  [
    [2, 3, 5, 4],
    [3, 2, 3, 3],
  ],
  [
    [2, 3, 5, 4],
    [3, 2, 1, 1],
  ],
  [[2, 3, 5, 4], [3, 2, 2, 2], { strides: [2, 2] }],
  [[2, 3, 5, 4], [3, 2, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] }],
  [[2, 3, 5, 4], [3, 2, 3, 3], { strides: [2, 1], pads: [1, 0, 0, 2] }],
  [[2, 3, 5, 4], [3, 2, 4, 3], { strides: [2, 3], pads: [1, 0, 2, 1], dilations: [2, 1] }],
  [[1, 3, 4, 4], [3, 2, 3, 3], { pads: [2, 2, 2, 2] }], // padding = kernel − 1
  [[2, 4, 3, 4], [4, 3, 2, 3], { group: 2 }],
  [[2, 4, 3, 4], [4, 1, 3, 3], { group: 4, strides: [2, 2], pads: [1, 1, 1, 1] }],
  [[2, 2, 3, 4], [2, 2, 3, 3], { strides: [2, 2], output_shape: [7, 9] }],
  [[2, 2, 3, 4], [2, 2, 3, 3], { strides: [2, 2], output_shape: [6, 8] }],
  [[2, 2, 3, 4], [2, 2, 4, 3], { strides: [3, 2], output_shape: [7, 6], auto_pad: 'SAME_UPPER' }],
  [[2, 2, 3, 4], [2, 2, 4, 4], { strides: [3, 1], auto_pad: 'SAME_UPPER' }],
  [[2, 2, 3, 4], [2, 2, 4, 4], { strides: [3, 1], auto_pad: 'SAME_LOWER' }],
  [[2, 2, 3, 4], [2, 2, 4, 4], { strides: [3, 1], auto_pad: 'VALID' }],
  [[1, 2, 3, 2, 3], [2, 2, 2, 2, 2], { strides: [1, 2, 2], pads: [0, 1, 0, 1, 0, 0] }],
];

/** x and attributes of AveragePool. */
const POOLS: readonly (readonly [x: number[], attributes: Attributes])[] = [
  [[2, 3, 7], { kernel_shape: [3] }],
  [[2, 3, 7], { kernel_shape: [2], strides: [2] }],
  [[1, 1, 1], { kernel_shape: [1] }],
  [[2, 3, 6, 5], { kernel_shape: [2, 2] }],
  [[2, 3, 6, 5], { kernel_shape: [1, 1], strides: [2, 3] }],
  [[2, 3, 6, 5], { kernel_shape: [6, 5] }],
  [[2, 3, 7, 8], { kernel_shape: [2, 2], strides: [3, 4] }],
  ...[0, 1].flatMap((count_include_pad): [number[], Attributes][] => [
    [[2, 3, 7, 8], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2], count_include_pad }],
    [[2, 3, 7, 8], { kernel_shape: [3, 2], pads: [2, 0, 1, 1], strides: [1, 2], count_include_pad }],
    [[1, 2, 7, 8], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1, count_include_pad }],
    [[1, 2, 6, 8], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2], ceil_mode: 1, count_include_pad }],
    [[1, 2, 7, 8], { kernel_shape: [3, 2], auto_pad: 'SAME_UPPER', strides: [2, 2], count_include_pad }],
    [[1, 2, 7, 8], { kernel_shape: [2, 4], auto_pad: 'SAME_LOWER', strides: [1, 3], count_include_pad }],
    [[1, 2, 4, 5, 3], { kernel_shape: [2, 3, 2], strides: [1, 2, 1], pads: [1, 1, 0, 0, 1, 1], count_include_pad }],
  ]),
];

const DILATED: typeof POOLS = [0, 1].map((count_include_pad): [number[], Attributes] => [
  [1, 2, 8, 9],
  { kernel_shape: [3, 2], dilations: [2, 3], pads: [1, 1, 1, 1], strides: [1, 2], count_include_pad },
]);

const linearConvs = [
  ...CONVS.map(([x, w, attributes = {}]) => node('Conv', [x, w, [w[0]]], { attributes })),
  node('Conv', [
    [2, 3, 6, 5],
    [4, 3, 3, 3],
  ]), // no bias
  node(
    'Conv',
    [
      [2, 3, 6, 5],
      [4, 3, 3, 3],
    ],
    { opset: 11 },
  ),
  ...TRANSPOSED.map(([x, w, attributes = {}]) =>
    node('ConvTranspose', [x, w, [w[1] * ((attributes.group as number) ?? 1)]], { attributes }),
  ),
  node('ConvTranspose', [
    [2, 3, 5, 4],
    [3, 2, 3, 3],
  ]),
];

const linearPools = [
  ...[11, 22].flatMap((opset) => POOLS.map(([x, attributes]) => node('AveragePool', [x], { attributes, opset }))),
  ...[19, 22].flatMap((opset) => DILATED.map(([x, attributes]) => node('AveragePool', [x], { attributes, opset }))),
  ...[
    [2, 3, 5],
    [2, 3, 4, 5],
    [1, 2, 3, 2, 4],
  ].map((x) => node('GlobalAveragePool', [x])),
];

const floats = (values: readonly number[]) => ({ type: 'float32' as const, dims: [values.length], values });
const COORDINATES = ['half_pixel', 'pytorch_half_pixel', 'asymmetric', 'align_corners', 'half_pixel_symmetric'];

/** Scales, or sizes, of a [1, 2, 5, 6] picture. */
const SCALES = [
  [1, 1, 2, 2],
  [1, 1, 1.5, 2.3],
  [1, 1, 0.6, 0.5],
  [1, 1, 3, 1],
  [1, 1, 0.2, 1.1],
];
const SIZES = [
  [1, 2, 10, 12],
  [1, 2, 7, 4],
  [1, 2, 1, 13],
  [1, 2, 3, 6],
];

const resized = (attributes: Attributes, opset = 17) => [
  ...SCALES.map((scales) => node('Resize', [[1, 2, 5, 6], null, floats(scales)], { attributes, opset })),
  ...SIZES.map((sizes) => node('Resize', [[1, 2, 5, 6], null, null, ints(sizes)], { attributes, opset })),
];

const CROP = { coordinate_transformation_mode: 'tf_crop_and_resize', extrapolation_value: { float: 7 } };
const REGION = floats([0, 0, 0.1, -0.2, 1, 1, 0.8, 0.7]);

/** That every coordinate mode has the right taps is shown in resize-taps.test.ts. */
const linearResizes = [
  ...['nearest', 'linear', 'cubic'].flatMap((mode) => resized({ mode })),
  ...COORDINATES.map((coordinate_transformation_mode) =>
    node('Resize', [[1, 2, 5, 6], null, floats([1, 1, 1.5, 0.6])], {
      attributes: { mode: 'linear', coordinate_transformation_mode },
    }),
  ),
  ...resized({ mode: 'cubic', exclude_outside: 1 }),
  ...['linear', 'cubic'].flatMap((mode) => resized({ mode, antialias: 1 }, 18)),
  ...resized({ mode: 'cubic', cubic_coeff_a: { float: -0.5 }, exclude_outside: 1 }, 18),
  ...['nearest', 'linear', 'cubic'].map((mode) =>
    node('Resize', [[1, 2, 5, 6], REGION, null, ints([1, 2, 4, 9])], { attributes: { ...CROP, mode } }),
  ),
  node('Resize', [[1, 2, 5], null, floats([1, 1, 2])], { attributes: { mode: 'linear' } }),
  node('Resize', [[1, 2, 5], null, floats([1, 1, 2])]),
  node('Resize', [[4, 5], null, floats([1.5, 2])], { attributes: { mode: 'linear' } }),
  node('Resize', [[1, 2, 3, 4, 5], null, floats([1, 1, 2, 1.5, 0.7])], { attributes: { mode: 'linear' } }),
  node('Resize', [[1, 5, 6, 2], null, floats([1, 2, 1.5, 1])], { attributes: { mode: 'linear' } }), // channels last
  node('Resize', [[1, 2, 5, 6], null, floats([2, 0.5])], { attributes: { axes: [2, 3], mode: 'linear' }, opset: 18 }),
  node('Resize', [[1, 2, 5, 6], null, null, ints([7, 3])], { attributes: { axes: [-1, -2] }, opset: 18 }),
];

const inFloat32 = ({ model, ...rest }: RuleCase): RuleCase => ({
  ...rest,
  model: {
    ...model,
    inputs: Object.fromEntries(
      Object.entries(model.inputs).map(([name, input]) => [name, { type: 'float32', ...input }]),
    ),
  },
});

/** Checked in float32 with steps of 1. */
export const linearCases: readonly RuleCase[] = [...linearConvs, ...linearPools, ...linearResizes].map(inFloat32);

const maxPools = [
  ...POOLS.map(([x, { count_include_pad: _, ...attributes }]) => [x, attributes] as const),
  [[1, 2, 8, 9], { kernel_shape: [3, 2], dilations: [2, 3], pads: [1, 1, 1, 1], strides: [1, 2] }] as const,
];

const norms = [
  node('BatchNormalization', [[2, 3, 4, 5], [3], [3], [3], [3]], { domain: [0.3, 2] }),
  node('BatchNormalization', [[2, 3], [3], [3], [3], [3]], { domain: [0.3, 2], opset: 11 }),
  node('BatchNormalization', [[2, 3, 4], [3], [3], [3], [3]], {
    domain: [0.3, 2],
    opset: 14,
    attributes: { epsilon: { float: 0.1 } },
  }),
  ...[1, 2].flatMap((p) =>
    [-1, 1].map((axis) => node('LpNormalization', [[2, 3, 4]], { attributes: { p, axis }, domain: [0.2, 2] })),
  ),
  node('LpNormalization', [[2, 3, 4]]),
  ...[1, 2, 4].map((num_groups) =>
    node('GroupNormalization', [[2, 4, 3, 5], [num_groups], [num_groups]], { attributes: { num_groups }, opset: 18 }),
  ),
  ...[1, 2, 4].map((num_groups) =>
    node('GroupNormalization', [[2, 4, 3, 5], [4], [4]], { attributes: { num_groups, stash_type: 11 }, opset: 21 }),
  ),
];

const places = [
  ...[11, 18].flatMap((opset) => [
    node('ScatterND', [[4, 3], ints([0, 1, 3, 2], [2, 2]), [2]], { opset }),
    node('ScatterND', [[4, 3], ints([1, -1], [2, 1]), [2, 3]], { opset }),
    node('ScatterND', [[2, 3, 2], ints([0, 1, 1, 0], [1, 2, 2]), [1, 2, 2]], { opset }),
    node('ScatterElements', [[3, 4], ints([0, 2, 1, 0], [1, 4]), [1, 4]], { opset }),
    node('ScatterElements', [[3, 4], ints([0, -1, 2, 1], [2, 2]), [2, 2]], { opset, attributes: { axis: 1 } }),
  ]),
  node('ScatterND', [[4, 3], ints([1, 1, 3], [3, 1]), [3, 3]], { attributes: { reduction: 'add' } }),
  node('ScatterElements', [[3, 4], ints([0, 0, 2, 2, 1, 1], [3, 2]), [3, 2]], {
    attributes: { axis: 1, reduction: 'add' },
  }),
  ...['DCR', 'CRD'].map((mode) => node('DepthToSpace', [[2, 12, 3, 4]], { attributes: { blocksize: 2, mode } })),
  node('DepthToSpace', [[1, 9, 2, 1]], { attributes: { blocksize: 3 }, opset: 11 }),
  node('SpaceToDepth', [[2, 3, 4, 6]], { attributes: { blocksize: 2 } }),
  node('SpaceToDepth', [[1, 2, 3, 6]], { attributes: { blocksize: 3 } }),
];

/** Checked in float64 by central differences. */
export const visionCases: readonly RuleCase[] = [
  ...[11, 17].flatMap((opset) => maxPools.map(([x, attributes]) => node('MaxPool', [x], { attributes, opset }))),
  node('MaxPool', [[2, 3, 6, 5]], {
    attributes: { kernel_shape: [3, 3], strides: [1, 1], storage_order: 1 },
    outputs: ['y', 'indices'],
  }),
  node('MaxPool', [[2, 3, 6, 5]], { attributes: { kernel_shape: [2, 2], strides: [2, 2] }, outputs: ['y', 'indices'] }),
  ...norms,
  ...places,
  node('Mod', [[2, 3], [3]], { attributes: { fmod: 1 }, domain: [0.3, 2] }),
  node('Mod', [[40], [40]], { attributes: { fmod: 1 } }),
];
