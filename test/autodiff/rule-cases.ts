// The grid: op × shapes × attributes. A case is named by what it shows.
import type { AttributeSpec, InputSpec, ModelSpec } from '../helpers/model.ts';

export interface RuleCase {
  readonly name: string;
  readonly model: ModelSpec;
  readonly wrt: readonly string[];
  readonly domain?: readonly [number, number];
}

type Input = readonly number[] | InputSpec;

interface Options {
  readonly attributes?: Readonly<Record<string, AttributeSpec>>;
  readonly opset?: number;
  readonly domain?: readonly [number, number];
  readonly outputs?: readonly string[];
  readonly domainName?: string;
}

const isDims = (i: Input): i is readonly number[] => Array.isArray(i);
export const ints = (values: readonly number[], dims: readonly number[] = [values.length]): InputSpec => ({
  type: 'int64',
  dims,
  values,
});

/** One node over inputs x0, x1, …; those given by dims alone are differentiated. */
export function node(
  op: string,
  inputs: readonly (Input | null)[],
  { attributes = {}, opset = 17, domain, outputs, domainName = '' }: Options = {},
): RuleCase {
  const named = inputs.flatMap((i, k) => (i ? [[`x${k}`, isDims(i) ? { dims: i } : i] as const] : []));
  const show = inputs
    .map((i) => (i === null ? '-' : isDims(i) ? `[${i}]` : i.values ? `{${i.values}}` : `[${i.dims}]`))
    .join(' ');
  const shown = Object.entries(attributes)
    .map(([k, v]) => ` ${k}=${JSON.stringify(v)}`)
    .join('');
  return {
    name: `${op} ${show}${shown}${opset === 17 ? '' : ` opset ${opset}`}`,
    wrt: inputs.flatMap((i, k) => (i && isDims(i) ? [`x${k}`] : [])),
    model: {
      nodes: [
        {
          op,
          domain: domainName,
          inputs: inputs.map((i, k) => (i ? `x${k}` : '')),
          attributes,
          ...(outputs && { outputs }),
        },
      ],
      inputs: Object.fromEntries(named),
      opset,
    },
    ...(domain && { domain }),
  };
}

/** The op over scalars that move by x0, x1, … around the numbers given: for what must not be zero while shapes are found out. */
function moved(op: string, numbers: Readonly<Record<string, number>>, { domain }: Options): RuleCase {
  const names = Object.keys(numbers);
  return {
    name: `${op} around ${Object.values(numbers).join(' ')}`,
    wrt: names.map((_, k) => `x${k}`),
    model: {
      nodes: [
        ...names.map((name, k) => ({ op: 'Add', inputs: [`x${k}`, name], outputs: [`${name} moved`] })),
        { op, inputs: names.map((name) => `${name} moved`) },
      ],
      inputs: Object.fromEntries(
        names.flatMap((name, k) => [
          [`x${k}`, { dims: [] }],
          [name, { dims: [], values: [numbers[name]] }],
        ]),
      ),
      opset: 17,
    },
    ...(domain && { domain }),
  };
}

const POSITIVE = [0.3, 2] as const;
const PAIRS = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [[3], [2, 3]],
  [
    [2, 1, 3],
    [4, 1],
  ],
  [[], [2, 3]],
  [[1], [1]],
];

const elementwise = [
  ...['Add', 'Sub', 'Mul'].flatMap((op) => PAIRS.map((p) => node(op, p))),
  ...PAIRS.map((p) => node('Div', p, { domain: POSITIVE })),
  ...PAIRS.map((p) => node('Pow', p, { domain: POSITIVE })),
  ...[2, 3, 0.5, -1].map((e) => node('Pow', [[2, 3], { dims: [], values: [e] }], { domain: POSITIVE })),
  node('Pow', [[5], { dims: [], values: [3] }]),
  ...['Max', 'Min'].flatMap((op) => [node(op, [[2, 3], [3]]), node(op, [[4], [4], [1]]), node(op, [[3]])]),
  node('Sum', [[2, 3], [3], [2, 1]]),

  node('Where', [{ type: 'bool', dims: [2, 3], values: [1, 0, 1, 0, 0, 1] }, [2, 3], [3]]),
  node('Where', [{ type: 'bool', dims: [3], values: [1, 0, 1] }, [2, 3], []]),
  node('Clip', [[6], { dims: [], values: [-1] }, { dims: [], values: [0.7] }]),
  node('Clip', [[6], null, { dims: [], values: [0.7] }]),
  node('Clip', [[3, 4], [], []]),
  node('Clip', [[12], { dims: [], values: [0.5] }, []]),
  node('Clip', [[12], null, []]),
  node('Clip', [[12], []]),
  node('Clip', [[12], [], { dims: [], values: [-3] }]), // crossed: the upper bound everywhere
];

const shapes = [[], [5], [2, 3, 4]];
const unary = [
  ...['Identity', 'Neg', 'Abs', 'Exp', 'Sin', 'Cos', 'Tanh', 'Sigmoid', 'Relu'].flatMap((op) =>
    shapes.map((s) => node(op, [s])),
  ),
  ...['Sqrt', 'Log', 'Reciprocal'].flatMap((op) => shapes.map((s) => node(op, [s], { domain: POSITIVE }))),
  node('Dropout', [[2, 3]]),
  node('Dropout', [[2, 3], [], { type: 'bool', dims: [], values: [0] }], { domain: [0.2, 0.8] }),
  node('Cast', [[2, 3]], { attributes: { to: 11 } }),
  // Constant between their steps: no step lies within reach.
  ...['Floor', 'Ceil', 'Sign'].map((op) => node(op, [[2, 3]], { domain: [0.1, 0.9] })),
  node('Round', [[2, 3]], { domain: [0.6, 1.4] }),
  node('EyeLike', [[3, 4]]),
];

const axes = [
  ...['Softmax', 'LogSoftmax'].flatMap((op) => [
    node(op, [[2, 3, 4]]),
    node(op, [[2, 3, 4]], { attributes: { axis: 1 } }),
    node(op, [[5]]),
    node(op, [[2, 3, 4]], { opset: 11 }),
    node(op, [[2, 3, 4]], { attributes: { axis: -1 }, opset: 12 }),
  ]),
  ...['ReduceMean', 'ReduceL2', 'ReduceSumSquare', 'ReduceLogSumExp', 'ReduceMax', 'ReduceMin'].flatMap((op) => [
    node(op, [[2, 3, 4]], { attributes: { axes: [-1] } }),
    node(op, [[2, 3, 4]], { attributes: { axes: [0, 2], keepdims: 0 } }),
    node(op, [[2, 3]], { attributes: { keepdims: 0 } }),
    node(op, [[2, 3, 4], ints([1])], { opset: 18 }),
  ]),
  node('ReduceSum', [[2, 3, 4]], { attributes: { axes: [1] }, opset: 11 }),
  node('ReduceSum', [[2, 3, 4], ints([-1, 0])]),
  node('ReduceSum', [[2, 3, 4], ints([2])], { attributes: { keepdims: 0 } }),
  node('ReduceSum', [[2, 3]]),
  node('ReduceSum', [[2, 3], ints([])], { attributes: { noop_with_empty_axes: 1 } }),
  node('LayerNormalization', [[2, 3, 4], [4], [4]]),
  node('LayerNormalization', [[2, 3, 4], [4]], { attributes: { epsilon: { float: 0.1 } } }),
  node(
    'LayerNormalization',
    [
      [2, 3, 4],
      [3, 4],
      [3, 4],
    ],
    { attributes: { axis: 1 } },
  ),
];

const linear = [
  ...[
    [
      [3, 4],
      [4, 5],
    ],
    [
      [2, 3, 4],
      [4, 5],
    ],
    [
      [2, 3, 4],
      [2, 4, 5],
    ],
    [
      [2, 1, 3, 4],
      [5, 4, 2],
    ],
    [
      [3, 4],
      [2, 4, 5],
    ],
    [[4], [4]],
    [[4], [4, 5]],
    [[2, 3, 4], [4]],
    [[4], [2, 4, 5]],
  ].map((p) => node('MatMul', p)),
  ...[0, 1].flatMap((transA) =>
    [0, 1].map((transB) =>
      node('Gemm', [transA ? [4, 3] : [3, 4], transB ? [5, 4] : [4, 5], [5]], {
        attributes: { transA, transB, alpha: { float: 0.5 }, beta: { float: 2 } },
      }),
    ),
  ),
  node('Gemm', [
    [3, 4],
    [4, 5],
  ]),
  node('Gemm', [
    [3, 4],
    [4, 5],
    [3, 1],
  ]),
  ...['ij,jk->ik', 'bhid,bhjd->bhij', 'bld,de->ble', 'ij->ji', 'ij->i', 'i,j->ij', 'ij,jk'].map((equation) => {
    const sizes: Record<string, number> = { b: 2, h: 3, i: 4, j: 5, d: 2, l: 3, e: 4, k: 3 };
    const terms = equation.split('->')[0].split(',');
    return node(
      'Einsum',
      terms.map((t) => [...t].map((c) => sizes[c])),
      { attributes: { equation } },
    );
  }),
];

const movement = [
  node('Reshape', [[2, 6], ints([3, -1])]),
  node('Flatten', [[2, 3, 4]], { attributes: { axis: 2 } }),
  node('Squeeze', [[2, 1, 3], ints([1])]),
  node('Squeeze', [[2, 1, 3]], { attributes: { axes: [1] }, opset: 11 }),
  node('Unsqueeze', [[2, 3], ints([0, 2])]),
  node('Expand', [[2, 1, 3], ints([4, 2, 5, 3])]),
  node('Transpose', [[2, 3, 4]]),
  node('Transpose', [[2, 3, 4]], { attributes: { perm: [1, 2, 0] } }),
  node(
    'Concat',
    [
      [2, 3],
      [2, 1],
      [2, 4],
    ],
    { attributes: { axis: 1 } },
  ),
  node(
    'Concat',
    [
      [2, 3],
      [1, 3],
    ],
    { attributes: { axis: -2 } },
  ),
  node('Split', [[2, 6], ints([1, 2, 3])], { attributes: { axis: 1 }, outputs: ['a', 'y', 'c'] }),
  node('Split', [[6, 2]], { attributes: { axis: 0 }, outputs: ['y', 'b'] }),
  node('Slice', [[5, 6], ints([1]), ints([4])]),
  node('Slice', [[5, 6], ints([-3, 0]), ints([9999, 4]), ints([1, 0])]),
  node('Slice', [[5, 6], ints([0]), ints([6]), ints([1]), ints([2])]),
  node('Slice', [[5, 6], ints([-1]), ints([-7]), ints([1]), ints([-1])]),
  node('Slice', [[5], ints([9]), ints([0]), ints([0]), ints([-2])]),
  node('Pad', [[2, 3], ints([1, 0, 0, 2])]),
  node('Pad', [[2, 3], ints([1, 2]), { dims: [], values: [3] }, ints([1])], { opset: 18 }),
  node('Pad', [[2, 3], ints([1, 0, 0, 2]), []]),
  node('Pad', [[4, 5], ints([-1, 2, 0, -3]), []]),
  node('Pad', [[4, 5], ints([-1, -1, -2, -1])]),
  node('Pad', [[4], ints([-1, 1]), [], ints([0])], { opset: 18 }),
  ...['edge', 'reflect'].flatMap((mode) => [
    node('Pad', [[4, 3], ints([2, 1, 1, 2])], { attributes: { mode } }),
    node('Pad', [[2, 3, 4], ints([0, 2, 3, 0, 0, 2])], { attributes: { mode } }),
  ]),
  node('Pad', [[4, 3], ints([2, 1, 1, 2])], { attributes: { mode: 'wrap' }, opset: 19 }),
  node('Tile', [[2, 3], ints([2, 3])]),
  ...[0, 1].map((upper) => node('Trilu', [[3, 4]], { attributes: { upper } })),
  node('Trilu', [[3, 4], ints([1], [])]),
  node('Gather', [[5, 3], ints([0, 4, 0, -1])]),
  node('Gather', [[2, 5, 3], ints([1, 3, 1, 1], [2, 2])], { attributes: { axis: 1 } }),
  node('Gather', [[5, 3], ints([2], [])]),
  node('GatherND', [[4, 3], ints([0, 1, 3, 2, 0, 1], [3, 2])]),
  node('GatherND', [[4, 3], ints([1, -1], [2, 1])]),
  node('GatherND', [[2, 4, 3], ints([1, 3], [2, 1])], { attributes: { batch_dims: 1 } }),
  node('GatherElements', [[3, 4], ints([0, 1, 2, 0, 2, 2, 1, 0], [2, 4])]),
  node('GatherElements', [[2, 4, 2], ints([0, 3, 1, 1, 2, 2, 3, 0], [2, 2, 2])], { attributes: { axis: 1 } }),
];

const fewNumbers = [
  node('Range', [[], { dims: [], values: [5.5] }, { dims: [], values: [1] }], { domain: [0.1, 0.2] }),
  moved('Range', { start: 0, limit: 4.5, delta: 1 }, { domain: [0.01, 0.05] }),
];

const all = [...elementwise, ...unary, ...axes, ...linear, ...movement, ...fewNumbers];

export const cases: readonly RuleCase[] = all;

/** The op that a case is about, as the rule table names it. */
export function opOf({ model }: RuleCase): string {
  const { op, domain } = model.nodes.at(-1)!;
  return domain ? `${domain}.${op}` : op;
}

/** What a case covers: `Clip 2` for the third input of Clip. */
export function covered(c: RuleCase): string[] {
  if (c.model.nodes.length > 1) return c.wrt.map((_, i) => `${opOf(c)} ${i}`); // each moves one input
  const { inputs } = c.model.nodes[0];
  return c.wrt.map((name) => `${opOf(c)} ${inputs.indexOf(name)}`);
}
