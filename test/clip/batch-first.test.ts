// Which graphs that were exported for one row compute several: those that are said to do give the same rows together as alone, and
// those that would mix rows or fail are not said to.
import * as ort from 'onnxruntime-node';
import { isBatchFirst } from '../../engine/clip/batch-first.ts';
import { createSession } from '../../engine/onnx/session.ts';
import { type InputSpec, makeModel, type NodeSpec } from '../helpers/model.ts';
import { random } from '../helpers/random.ts';

interface Case {
  readonly nodes: readonly NodeSpec[];
  readonly inputs?: Readonly<Record<string, InputSpec>>;
  readonly opset?: number;
}

const floats = (...dims: number[]): InputSpec => {
  const next = random(dims.length + dims[0]);
  return { type: 'float32', dims, values: Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => next() - 0.5) };
};
const ints = (...values: number[]): InputSpec => ({ type: 'int64', dims: [values.length], values });
const node = (op: string, inputs: string[], attributes: NodeSpec['attributes'] = {}, output = 'y'): NodeSpec => ({
  op,
  inputs,
  attributes,
  outputs: [output],
});

/** x is [1, 4, 6]. */
const allowed: Record<string, Case> = {
  'numbers by themselves': { nodes: [node('Sigmoid', ['x'])] },
  'a constant for each position': { nodes: [node('Add', ['x', 'c'])], inputs: { c: floats(4, 6) } },
  'a constant with a first axis of one': { nodes: [node('Mul', ['c', 'x'])], inputs: { c: floats(1, 4, 6) } },
  'a product with a matrix': { nodes: [node('MatMul', ['x', 'c'])], inputs: { c: floats(6, 3) } },
  'a product of two values': {
    nodes: [node('Transpose', ['x'], { perm: [0, 2, 1] }, 't'), node('MatMul', ['x', 't'])],
  },
  'attention in heads': {
    nodes: [
      node('Reshape', ['x', 'shape'], {}, 'h'),
      node('Transpose', ['h'], { perm: [0, 2, 1, 3] }, 'q'),
      node('Transpose', ['h'], { perm: [0, 2, 3, 1] }, 'k'),
      node('MatMul', ['q', 'k'], {}, 's'),
      node('Softmax', ['s'], { axis: -1 }, 'p'),
      node('MatMul', ['p', 'q']),
    ],
    inputs: { shape: ints(0, -1, 2, 3) },
  },
  'a mean over positions': { nodes: [node('ReduceMean', ['x'], { axes: [1], keepdims: 0 })] },
  'rows of a table': {
    nodes: [node('ArgMax', ['x'], { axis: -1, keepdims: 0 }, 'i'), node('Gather', ['c', 'i'])],
    inputs: { c: floats(6, 2) },
  },
  'one position': { nodes: [node('Gather', ['x', 'first'], { axis: 1 })], inputs: { first: ints(0) } },
  'attention as one op': {
    nodes: [node('Attention', ['x', 'x', 'x'], { q_num_heads: 2, kv_num_heads: 2 })],
    opset: 23,
  },
};

const refused: Record<string, Case> = {
  'a shape that is written down': { nodes: [node('Reshape', ['x', 'shape'])], inputs: { shape: ints(4, 2, 3) } },
  'rows that become one': { nodes: [node('Reshape', ['x', 'shape'])], inputs: { shape: ints(1, -1, 6) } },
  'a zero that stands for itself': {
    nodes: [node('Reshape', ['x', 'shape'], { allowzero: 1 })],
    inputs: { shape: ints(0, 4, 6) },
    opset: 23,
  },
  'a class token for one row': { nodes: [node('Concat', ['c', 'x'], { axis: 1 })], inputs: { c: floats(1, 1, 6) } },
  'the batch moved away': { nodes: [node('Transpose', ['x'], { perm: [1, 0, 2] })] },
  'a mean over the batch': { nodes: [node('ReduceMean', ['x'], { axes: [0], keepdims: 0 })] },
  'a mean over everything': { nodes: [node('ReduceMean', ['x'], { keepdims: 0 })] },
  'a softmax over the batch': { nodes: [node('Softmax', ['x'], { axis: 0 })] },
  'a softmax over the batch, counted from the end': { nodes: [node('Softmax', ['x'], { axis: -3 })] },
  'a constant of more axes': { nodes: [node('Add', ['x', 'c'])], inputs: { c: floats(2, 1, 1, 1) } },
  'a matrix from the left': { nodes: [node('MatMul', ['c', 'x'])], inputs: { c: floats(4, 4) } },
  'a product with a vector': { nodes: [node('MatMul', ['x', 'c'])], inputs: { c: floats(6) } },
  'the first row': { nodes: [node('Gather', ['x', 'first'], { axis: 0 })], inputs: { first: ints(0) } },
  'a sum over rows as a product': {
    nodes: [node('ReduceMean', ['x'], { axes: [1], keepdims: 0 }, 'a'), node('MatMul', ['a', 'a'])],
  },
  'an op that is not known': { nodes: [node('Tile', ['x', 'shape'])], inputs: { shape: ints(1, 1, 1) } },
  'an op of another domain': { nodes: [{ ...node('Gelu', ['x']), domain: 'com.microsoft' }] },
};

const modelOf = ({ nodes, inputs = {}, opset }: Case, batch: number) =>
  makeModel({ nodes, inputs: { x: { type: 'float32', dims: [batch, 4, 6] }, ...inputs }, opset });
const isSaidTo = (given: Case) =>
  isBatchFirst({ model: modelOf(given, 1), weights: new Map() }, { name: 'x', dims: [1, 4, 6] });

test.each(Object.entries(allowed))('%s: rows together are as rows alone', async (_, given) => {
  expect(isSaidTo(given)).toBe(true);
  const next = random(5);
  const rows = [0, 1, 2].map(() => Float32Array.from({ length: 24 }, () => next() - 0.5));
  const run = async (batch: number, data: Float32Array) => {
    const session = await createSession(modelOf(given, batch));
    return (await session.run({ x: new ort.Tensor('float32', data, [batch, 4, 6]) })).y.data as Float32Array;
  };
  const together = await run(3, Float32Array.from(rows.flatMap((row) => [...row])));
  const alone = [];
  for (const row of rows) alone.push(...(await run(1, row)));
  expect(together).toHaveLength(alone.length);
  alone.forEach((value, i) => {
    expect(together[i]).toBeCloseTo(value, 5);
  });
});

test.each(Object.entries(refused))('%s is not said to', (_, given) => {
  expect(isSaidTo(given)).toBe(false);
});
