// The library's public door: bytes of an ONNX model in, bytes of one that computes gradients out.
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { gradient } from '../../engine/autodiff/gradient.ts';
import type { Model } from '../../engine/onnx/graph.ts';
import { toFloats, toHalfTensor } from '../../engine/onnx/half.ts';
import { GraphMessage } from '../../engine/onnx/proto.ts';
import { readModel } from '../../engine/onnx/read.ts';
import { writeModel } from '../../engine/onnx/write.ts';
import { makeModel } from '../helpers/model.ts';
import { random } from '../helpers/random.ts';
import { relativeError } from '../helpers/towers.ts';

/** loss = Σ tanh(x·w)², x [batch, 3] */
const model = makeModel({
  nodes: [
    { op: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] },
    { op: 'Tanh', inputs: ['h'], outputs: ['t'] },
    { op: 'ReduceSumSquare', inputs: ['t'], outputs: ['loss'], attributes: { keepdims: 0 } },
    { op: 'ArgMax', inputs: ['t'], outputs: ['best'] },
  ],
  inputs: {
    x: { dims: [1, 3], type: 'float32' },
    w: { dims: [3, 2], type: 'float32', values: [0.1, -0.2, 0.3, 0.4, -0.5, 0.6] },
  },
  outputs: ['loss'],
});
const bytes = writeModel({ ...model, inputs: [{ name: 'x', type: 'float32', dims: ['batch', 3] }] });

function expectClose(actual: ort.Tensor, expected: readonly number[]): void {
  expect(Array.from(actual.data as Float32Array, (v, i) => Math.abs(v - expected[i]) < 1e-5)).toEqual(
    expected.map(() => true),
  );
}

test('gives a model with the same outputs and a gradient for each name', async () => {
  const session = await ort.InferenceSession.create(
    await gradient(bytes, { of: 'loss', wrt: ['x', 't'], dims: { batch: 2 } }),
  );
  expect([...session.inputNames]).toEqual(['x']);
  expect([...session.outputNames]).toEqual(['loss', 'x_grad', 't_grad']);
  const x = new ort.Tensor('float32', new Float32Array([1, 2, 3, -1, 0, 1]), [2, 3]);
  const { x_grad, t_grad } = await session.run({ x });
  const [w, h] = [
    [0.1, -0.2, 0.3, 0.4, -0.5, 0.6],
    [1 * 0.1 + 2 * 0.3 - 3 * 0.5, -0.2 + 0.8 + 1.8, -0.1 - 0.5, 0.2 + 0.6],
  ];
  const dt = h.map((v) => 2 * Math.tanh(v));
  const dh = h.map((v, i) => dt[i] * (1 - Math.tanh(v) ** 2));
  const dx = [0, 1].flatMap((b) => [0, 1, 2].map((k) => dh[2 * b] * w[2 * k] + dh[2 * b + 1] * w[2 * k + 1]));
  expectClose(t_grad, dt);
  expectClose(x_grad, dx);
});

test('takes a cotangent for a value that is no scalar', async () => {
  const session = await ort.InferenceSession.create(
    await gradient(bytes, { of: 'h', wrt: ['x'], cotangent: 'u', dims: { batch: 1 } }),
  );
  const { x_grad } = await session.run({
    x: new ort.Tensor('float32', [0, 0, 0], [1, 3]),
    u: new ort.Tensor('float32', [1, 0], [1, 2]),
  });
  expectClose(x_grad, [0.1, 0.3, -0.5]);
});

test('a value that the loss does not depend on has gradient zero', async () => {
  const two = makeModel({
    nodes: [
      { op: 'Relu', inputs: ['x'] },
      { op: 'Neg', inputs: ['z'], outputs: ['other'] },
    ],
    inputs: { x: { dims: [2], type: 'float32' }, z: { dims: [2], type: 'float32' } },
    outputs: ['y', 'other'],
  });
  const session = await ort.InferenceSession.create(await gradient(writeModel(two), { of: 'y', wrt: ['z'] }));
  const { z_grad } = await session.run({
    x: new ort.Tensor('float32', [1, 2], [2]),
    z: new ort.Tensor('float32', [1, 2], [2]),
  });
  expect([...(z_grad.data as Float32Array)]).toEqual([0, 0]);
});

test('an op without a rule on the path is named with its node and model', async () => {
  const unknown = makeModel({
    nodes: [{ op: 'Det', inputs: ['x'] }],
    inputs: { x: { dims: [2, 2], type: 'float32' } },
  });
  await expect(gradient(writeModel(unknown), { of: 'y', wrt: ['x'] })).rejects.toThrow(
    expect.objectContaining({
      code: 'OP_WITHOUT_GRADIENT',
      message: 'Det "the_Det" in the model lies between the inputs and the loss, and has no gradient rule.',
    }),
  );
});

test('an op that rounds to integers loses the gradient, and says so', async () => {
  const quantised = makeModel({
    nodes: [
      { op: 'QuantizeLinear', inputs: ['x', 'scale', 'zero'], outputs: ['q'] },
      { op: 'DequantizeLinear', inputs: ['q', 'scale', 'zero'] },
    ],
    inputs: {
      x: { dims: [4], type: 'float32' },
      scale: { dims: [], type: 'float32', values: [0.1] },
      zero: { dims: [], type: 'uint8', values: [128] },
    },
  });
  await expect(gradient(writeModel(quantised), { of: 'y', wrt: ['x'] })).rejects.toThrow(
    /^(Q|Deq)uantizeLinear .* lies between the inputs and the loss, and has no gradient rule/,
  );
});

test('weights in int8 that are widened when the model is loaded are no obstacle', async () => {
  const weightOnly = makeModel({
    nodes: [
      { op: 'DequantizeLinear', inputs: ['w', 'scale', 'zero'], outputs: ['wide'], attributes: { axis: 1 } },
      { op: 'MatMul', inputs: ['x', 'wide'] },
    ],
    inputs: {
      x: { dims: [1, 2], type: 'float32' },
      w: { dims: [2, 2], type: 'int8', values: [-128, 127, 2, -3] },
      scale: { dims: [2], type: 'float32', values: [0.5, 0.25] },
      zero: { dims: [2], type: 'int8', values: [0, 1] },
    },
  });
  const session = await ort.InferenceSession.create(await gradient(writeModel(weightOnly), { of: 'y', wrt: ['x'] }));
  const { x_grad } = await session.run({ x: new ort.Tensor('float32', [1, 1], [1, 2]) });
  expectClose(x_grad, [-64 + 126 * 0.25, 1 - 4 * 0.25]);
});

test('axes that are computed are refused, not taken for all axes', async () => {
  const computed = makeModel({
    nodes: [{ op: 'ReduceSum', inputs: ['x', 'axes'] }],
    inputs: { x: { dims: [2, 3], type: 'float32' }, axes: { dims: [1], type: 'int64' } },
  });
  await expect(gradient(writeModel(computed), { of: 'y', wrt: ['x'] })).rejects.toThrow(
    /ReduceSum "the_ReduceSum" .*, and its axes are computed, not constant/,
  );
});

test('a dropout that drops at random is refused', async () => {
  const training = makeModel({
    nodes: [{ op: 'Dropout', inputs: ['x', 'ratio', 'on'] }],
    inputs: {
      x: { dims: [4], type: 'float32' },
      ratio: { dims: [], type: 'float32', values: [0.5] },
      on: { dims: [], type: 'bool', values: [1] },
    },
  });
  await expect(gradient(writeModel(training), { of: 'y', wrt: ['x'] })).rejects.toThrow(/training_mode is on/);
});

test('a sub-graph that reads the input from outside is found, and refused', async () => {
  const branch = (op: string, output: string) =>
    GraphMessage.encode({
      name: op,
      node: [{ input: ['x'], output: [output], opType: op, name: op }],
      output: [{ name: output, type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 2 }] } } } }],
    } as object).finish();
  const conditional: Model = {
    ...makeModel({
      nodes: [{ op: 'If', inputs: ['on'] }],
      inputs: { x: { dims: [2], type: 'float32' }, on: { dims: [], type: 'bool' } },
    }),
  };
  const [node] = conditional.nodes;
  const attributes = new Map([
    ['then_branch', { kind: 'opaque' as const, value: branch('Neg', 'a') }],
    ['else_branch', { kind: 'opaque' as const, value: branch('Exp', 'b') }],
  ]);
  const bytes = writeModel({ ...conditional, nodes: [{ ...node, attributes }] });
  await expect(gradient(bytes, { of: 'y', wrt: ['x'] })).rejects.toThrow(
    /If "the_If" .* lies between the inputs and the loss, and has no gradient rule/,
  );
});

test('a float16 model has float16 gradients', async () => {
  const half = makeModel({
    nodes: [
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] },
      { op: 'Sigmoid', inputs: ['h'], outputs: ['s'] },
      { op: 'ReduceSum', inputs: ['s'], outputs: ['y'], attributes: { keepdims: 0 } },
    ],
    inputs: {
      x: { dims: [1, 2], type: 'float16' },
      w: { dims: [2, 2], type: 'float16', values: [0.5, -1, 2, 0.25] },
    },
  });
  const bytes = await gradient(writeModel(half), { of: 'y', wrt: ['x'] });
  expect(readModel(bytes).outputs.find((o) => o.name === 'x_grad')?.type).toBe('float16');
  const session = await ort.InferenceSession.create(bytes);
  const { x_grad } = await session.run({ x: toHalfTensor(Float32Array.of(1, -0.5), [1, 2]) });
  const slopes = [0.5 - 1, -1 - 0.125].map((h) => Math.exp(-h) / (1 + Math.exp(-h)) ** 2);
  const expected = [0.5 * slopes[0] - slopes[1], 2 * slopes[0] + 0.25 * slopes[1]];
  expect([...toFloats(x_grad)].map((v, i) => Math.abs(v - expected[i]) < 1e-3)).toEqual([true, true]);
});

test('a whole float16 U-Net has the gradients of its float32 twin, to the precision of float16', async () => {
  const dims = { sample: [1, 4, 8, 8], timestep: [], encoder_hidden_states: [1, 3, 16] };
  const draw = random(7);
  const [sample, context] = [256, 48].map((size) => Float32Array.from({ length: size }, () => 2 * draw() - 1));
  const gradients = async (file: string, tensor: typeof toHalfTensor) => {
    const bytes = readFileSync(new URL(`../fixtures/diffusion/sd15/unet/${file}`, import.meta.url));
    const session = await ort.InferenceSession.create(
      await gradient(bytes, { of: 'out_sample', wrt: ['sample', 'encoder_hidden_states'], dims }),
    );
    const out = await session.run({
      sample: tensor(sample, dims.sample),
      timestep: new ort.Tensor('int64', [500n], []),
      encoder_hidden_states: tensor(context, dims.encoder_hidden_states),
    });
    return [out.sample_grad, out.encoder_hidden_states_grad].map(toFloats);
  };
  const full = await gradients('model.onnx', (values, dims) => new ort.Tensor('float32', values, dims));
  const half = await gradients('model_fp16.onnx', toHalfTensor);
  for (const [i, expected] of full.entries()) expect(relativeError(half[i], [...expected])).toBeLessThan(0.05);
});

test.each<[string, Parameters<typeof gradient>[1], RegExp]>([
  [
    'an unknown name',
    { of: 'lost', wrt: ['x'], dims: { batch: 1 } },
    /has no value "lost"; its inputs are x, its outputs loss/,
  ],
  [
    'a value that is no float',
    { of: 'best', wrt: ['x'], dims: { batch: 1 } },
    /"best" in the model is int64, not a float value/,
  ],
  ['a free dim', { of: 'loss', wrt: ['x'] }, /free dim "batch"/],
])('%s is refused', async (_, options, message) => {
  await expect(gradient(bytes, options)).rejects.toThrow(message);
});

test('an opset that is too old is refused with the way out', async () => {
  const old = writeModel({ ...model, opsets: new Map([['', 9]]) });
  await expect(gradient(old, { of: 'loss', wrt: ['x'] })).rejects.toThrow(/opset 9; gradients need 11 or newer/);
});
