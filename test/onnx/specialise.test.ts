import { cutAtEmbedding } from '../../engine/onnx/cut.ts';
import { prune } from '../../engine/onnx/graph.ts';
import { halfToNumber } from '../../engine/onnx/half-bits.ts';
import { readModelFile } from '../../engine/onnx/read.ts';
import { specialise } from '../../engine/onnx/specialise.ts';
import { tensor, toFloat32 } from '../../engine/onnx/tensor.ts';
import { makeModel } from '../helpers/model.ts';
import { readTower } from '../helpers/towers.ts';

const DYNAMIC = new Set(['Shape', 'ConstantOfShape', 'ArgMax', 'Range', 'NonZero', 'If', 'Loop', 'Trilu', 'CumSum']);

test('a real export folds to a static graph of plain ops', async () => {
  const tower = readTower('clip-quick-gelu');
  const { model, table } = cutAtEmbedding(readModelFile(tower.path));
  const before = model.nodes.length;
  const { input_ids } = tower.cases[0].inputs;
  const fixed = await specialise(model, {
    constants: new Map([['input_ids', tensor('int64', input_ids.dims, input_ids.data)]]),
    dims: { inputs_embeds: [1, input_ids.dims[1], table.dim] },
    outputs: ['text_embeds'],
  });
  expect(fixed.nodes.filter((n) => DYNAMIC.has(n.op))).toEqual([]);
  expect(fixed.nodes.every((n) => n.domain === '')).toBe(true);
  expect(fixed.nodes.length).toBeLessThan(before / 2);
  expect(fixed.values.get('text_embeds')).toEqual({
    name: 'text_embeds',
    type: 'float32',
    dims: tower.cases[0].embedding!.dims,
  });
});

test('a model with float16 inputs is folded like any other', async () => {
  const model = makeModel({
    nodes: [{ op: 'Mul', inputs: ['x', 'x'] }],
    inputs: { x: { dims: [2, 3], type: 'float16' } },
  });
  const { values } = await specialise(model);
  expect(values.get('y')).toEqual({ name: 'y', type: 'float16', dims: [2, 3] });
});

test('a model that onnxruntime compiles but cannot run is refused by name', async () => {
  const model = makeModel({
    nodes: [{ op: 'Gather', inputs: ['x', 'index'] }],
    inputs: { x: { dims: [2] }, index: { type: 'int64', dims: [1], values: [5] } },
  });
  const refusal = { code: 'MODEL_INVALID', message: expect.stringContaining(model.source) };
  await expect(specialise(model)).rejects.toMatchObject(refusal);
});

test('a dim that stays free is named', async () => {
  const model = makeModel({ nodes: [{ op: 'Relu', inputs: ['x'] }], inputs: { x: { dims: [1] } } });
  const free = { ...model, inputs: [{ name: 'x', type: 'float64' as const, dims: ['batch'] }] };
  await expect(specialise(free)).rejects.toThrow(/input "x" has the free dim "batch"/);
  await expect(specialise(free, { dims: { batch: 3 } })).resolves.toMatchObject({
    values: new Map([
      ['y', { name: 'y', type: 'float64', dims: [3] }],
      ['x', expect.anything()],
    ]),
  });
});

test('a model without token ids is no text encoder', () => {
  const model = makeModel({
    nodes: [{ op: 'Relu', inputs: ['pixel_values'] }],
    inputs: { pixel_values: { dims: [1] } },
  });
  expect(() => cutAtEmbedding(model)).toThrow(
    expect.objectContaining({ code: 'MODEL_UNSUPPORTED', message: expect.stringContaining('pixel_values') }),
  );
});

test('a model that looks nothing up is refused', () => {
  const model = makeModel({
    nodes: [{ op: 'Cast', inputs: ['input_ids'], attributes: { to: 1 } }],
    inputs: { input_ids: { type: 'int64', dims: [1, 4] } },
  });
  expect(() => cutAtEmbedding(model)).toThrow(/looks up no float \[V, D\] table/);
});

test('pruning drops what the outputs do not need', () => {
  const model = makeModel({
    nodes: [
      { op: 'Relu', inputs: ['x'], outputs: ['y'] },
      { op: 'Add', inputs: ['x', 'c'], outputs: ['z'] },
    ],
    inputs: { x: { dims: [1] }, c: { dims: [1], values: [1] }, unused: { dims: [1] } },
  });
  const pruned = prune(model);
  expect([pruned.nodes.map((n) => n.op), [...pruned.constants.keys()], pruned.inputs.map((i) => i.name)]).toEqual([
    ['Relu'],
    [],
    ['x'],
  ]);
});

test('half precision widens exactly', () => {
  const bits = [0x0000, 0x8000, 0x3c00, 0xc000, 0x3555, 0x0001, 0x03ff, 0x0400, 0x7bff, 0x7c00, 0xfc00];
  const expected = [
    0,
    -0,
    1,
    -2,
    0.333251953125,
    2 ** -24,
    1023 * 2 ** -24,
    2 ** -14,
    65504,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ];
  expect(bits.map(halfToNumber)).toEqual(expected);
  expect(halfToNumber(0x7e00)).toBeNaN();
  const half = {
    type: 'float16' as const,
    dims: [2],
    bytes: new Uint8Array(Uint16Array.from([0x3c00, 0xc000]).buffer),
  };
  expect([...toFloat32(half)]).toEqual([1, -2]);
});
