// Weights that stay in their file while a model is read, specialised, differentiated and compiled.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { GraphBuilder } from '../../engine/architectures/graph-builder.ts';
import { linear } from '../../engine/architectures/layers.ts';
import { placeGraph } from '../../engine/architectures/place-graph.ts';
import { addGradient } from '../../engine/autodiff/gradient.ts';
import { setExternalFiles } from '../../engine/onnx/external-files.ts';
import { readModelFile } from '../../engine/onnx/read.ts';
import { createSession } from '../../engine/onnx/session.ts';
import { specialise } from '../../engine/onnx/specialise.ts';
import { byteLength, type ElementType, tensor, toNumbers } from '../../engine/onnx/tensor.ts';
import { widenHalves } from '../../engine/onnx/widen.ts';
import { writeBeside } from '../../engine/onnx/write-beside.ts';
import { openWeights } from '../../engine/safetensors/weights.ts';
import { writeSafetensors } from '../helpers/safetensors-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'stored-weights-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TYPES = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const satisfies Record<string, ElementType>;
const W = [1, 2, 3, 4, 5, 6];

/** y = x·Wᵀ with W [3, 2] of that type, as a model whose weights were not read. */
function model(dtype: keyof typeof TYPES) {
  const path = join(folder, `${dtype}.safetensors`);
  writeSafetensors(path, { 'fc.weight': { dtype, shape: [3, 2], bytes: tensor(TYPES[dtype], [3, 2], W).bytes } });
  const weights = openWeights(path);
  const graph = new GraphBuilder(path);
  const x = graph.input('x', 'float32', ['batch', 2]);
  graph.output('y', linear({ graph, parameters: { source: path, find: weights.get } }, x, 'fc'), ['batch', 3]);
  const placed = placeGraph(graph.build(), { name: dtype, cacheDir: join(folder, 'cache') });
  return { placed, read: widenHalves(readModelFile(placed, { leaveBytes: 0 })) };
}

describe.each(Object.keys(TYPES) as (keyof typeof TYPES)[])('%s', (dtype) => {
  test('the weight is not read until its numbers are asked for, and is float32 then', () => {
    const { read } = model(dtype);
    const stored = read.constants.get('fc.weight')!;
    expect(stored).toMatchObject({ type: 'float32', dims: [3, 2], stored: { type: TYPES[dtype] } });
    expect(byteLength(stored)).toBe(24);
    expect(toNumbers(stored)).toEqual(W);
  });

  test('onnxruntime reads it where it lies, forwards and backwards, and no file is left', async () => {
    const { placed, read } = model(dtype);
    const before = readdirSync(dirname(placed));
    const fixed = await specialise(read, { dims: { batch: 1 }, asideBytes: 16 });
    const session = await createSession(addGradient(fixed, { of: 'y', wrt: ['x'] }));
    const { y, x_grad } = await session.run({ x: new ort.Tensor('float32', Float32Array.of(1, 10), [1, 2]) });
    expect([...(y.data as Float32Array)]).toEqual([21, 43, 65]);
    expect([...(x_grad.data as Float32Array)]).toEqual([9, 12]); // the sums of W's columns
    expect(readdirSync(dirname(placed))).toEqual(before);
  });
});

test('where the weights cannot lie beside the graph, they travel inside it', async () => {
  const { placed, read } = model('F16');
  setExternalFiles(placed, new Map([['weights-0.safetensors', join(folder, 'F16.safetensors')]]));
  expect(writeBeside(read)).toBeUndefined();
  const session = await createSession(read);
  const { y } = await session.run({ x: new ort.Tensor('float32', Float32Array.of(1, 10), [1, 2]) });
  expect([...(y.data as Float32Array)]).toEqual([21, 43, 65]);
});
