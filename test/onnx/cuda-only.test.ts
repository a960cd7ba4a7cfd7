// Ops that onnxruntime has for CUDA only: real graphs of each are refused with that reason, graphs of its other fused ops are not.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cudaOnly, cudaOnlyOps } from '../../engine/onnx/cuda-only.ts';
import { openSession } from '../../engine/onnx/session.ts';
import type { ElementType } from '../../engine/onnx/tensor.ts';
import { writeModel } from '../../engine/onnx/write.ts';
import { type AttributeSpec, makeModel } from '../helpers/model.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pez-cuda-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

type Input = readonly number[] | { dims: readonly number[]; type: ElementType } | null;

/** A graph of that one op; inputs are of type `type` unless they say so themselves. */
function write(
  op: string,
  type: ElementType,
  inputs: readonly Input[],
  attributes: Record<string, AttributeSpec>,
): string {
  const specs = inputs.flatMap((input, i) => {
    if (input === null) return [];
    return [[`x${i}`, 'dims' in input ? input : { dims: input, type }] as const];
  });
  const model = makeModel({
    nodes: [
      { op, domain: 'com.microsoft', inputs: inputs.map((input, i) => (input === null ? '' : `x${i}`)), attributes },
    ],
    inputs: Object.fromEntries(specs),
  });
  const path = join(folder, `${op}.onnx`);
  writeFileSync(path, writeModel({ ...model, outputs: [{ name: 'y', type, dims: undefined }] }));
  return path;
}

const norm = { groups: 2, activation: 1, channels_last: 1, epsilon: { float: 1e-5 } };
const image = [1, 4, 4, 8];
const factors = { dims: [8], type: 'float32' } as const;
const lengths = (...dims: number[]) => ({ dims, type: 'int32' }) as const;

const refused: Record<string, [inputs: readonly Input[], attributes: Record<string, AttributeSpec>]> = {
  GroupNorm: [[image, factors, factors], norm],
  SkipGroupNorm: [[image, factors, factors, image], norm],
  NhwcConv: [[image, [8, 3, 3, 8]], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }],
  BiasSplitGelu: [[[1, 4, 2560], [2560]], {}],
  BiasAdd: [[[1, 4, 320], [320], [1, 4, 320]], {}],
  PackedMultiHeadAttention: [[[4, 8], [4, 8], [4, 8], null, lengths(1, 4), lengths(2)], { num_heads: 2 }],
};

const accepted: typeof refused = {
  MultiHeadAttention: [
    [
      [1, 4, 8],
      [1, 4, 8],
      [1, 4, 8],
    ],
    { num_heads: 2 },
  ],
  SkipLayerNormalization: [[[1, 4, 8], [1, 4, 8], [8], [8]], {}],
  BiasGelu: [[[1, 4, 8], [8]], {}],
  FastGelu: [[[1, 4, 8]], {}],
  QuickGelu: [[[1, 4, 8]], {}],
};

test('every op of the list is tried', () => {
  expect(Object.keys(refused).sort()).toEqual([...cudaOnly].sort());
});

describe.each<ElementType>(['float32', 'float16'])('in %s', (type) => {
  test.each(Object.entries(refused))('%s is refused with the reason', async (op, [inputs, attributes]) => {
    const path = write(op, type, inputs, attributes);
    expect(cudaOnlyOps(path)).toEqual([op]);
    await expect(openSession(path)).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: `${path} needs the op ${op}, which onnxruntime has for CUDA only: it was optimised for NVIDIA cards, and no other device can run it.`,
    });
  });

  test.each(Object.entries(accepted))('%s runs', async (op, [inputs, attributes]) => {
    const path = write(op, type, inputs, attributes);
    expect(cudaOnlyOps(path)).toEqual([]);
    await (await openSession(path)).release();
  });
});

test('an op with types that are not implemented says so without blaming CUDA', async () => {
  const model = makeModel({
    nodes: [{ op: 'Conv', inputs: ['x', 'w'] }],
    inputs: { x: { dims: [1, 2, 4, 4] }, w: { dims: [2, 2, 3, 3] } }, // float64
  });
  const path = join(folder, 'double.onnx');
  writeFileSync(path, writeModel(model));
  await expect(openSession(path)).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: `${path} needs the op Conv with types or a version for which onnxruntime has no code on this device.`,
  });
});
