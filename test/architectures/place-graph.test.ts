import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { GraphBuilder } from '../../engine/architectures/graph-builder.ts';
import { linear } from '../../engine/architectures/layers.ts';
import { placeGraph } from '../../engine/architectures/place-graph.ts';
import { setExternalFiles } from '../../engine/onnx/external-files.ts';
import { readModelFile } from '../../engine/onnx/read.ts';
import { openSession } from '../../engine/onnx/session.ts';
import { openWeights } from '../../engine/safetensors/weights.ts';
import { f32, type TensorSpec, writeSafetensors } from '../helpers/safetensors-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'place-graph-'));
const path = join(folder, 'x.safetensors');
const cacheDir = join(folder, 'cache');
afterAll(() => rmSync(folder, { recursive: true }));

/** y = x·Wᵀ + b, W [3, 2]. */
function graphOf(source: string) {
  const weights = openWeights(source);
  const graph = new GraphBuilder(source);
  const x = graph.input('x', 'float32', ['batch', 2]);
  const parameters = { source, find: (name: string) => weights.get(name) };
  graph.output('y', linear({ graph, parameters }, x, 'fc'), ['batch', 3]);
  return graph.build();
}

async function run(onnx: string): Promise<number[]> {
  const session = await openSession(onnx);
  const { y } = await session.run({ x: new ort.Tensor('float32', Float32Array.of(1, 10), [1, 2]) });
  return Array.from(y.data as Float32Array);
}

const bytes = (values: number[], size: 1 | 2) =>
  new Uint8Array((size === 1 ? Uint8Array : Uint16Array).from(values).buffer);
/** 1 … 6 in each type. */
const WEIGHTS: Record<string, TensorSpec> = {
  F32: f32([3, 2], [1, 2, 3, 4, 5, 6]),
  F16: { dtype: 'F16', shape: [3, 2], bytes: bytes([0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600], 2) },
  BF16: { dtype: 'BF16', shape: [3, 2], bytes: bytes([0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0], 2) },
  F8_E4M3: { dtype: 'F8_E4M3', shape: [3, 2], bytes: bytes([0x38, 0x40, 0x44, 0x48, 0x4a, 0x4c], 1) },
  F8_E5M2: { dtype: 'F8_E5M2', shape: [3, 2], bytes: bytes([0x3c, 0x40, 0x42, 0x44, 0x45, 0x46], 1) },
};

test.each(Object.entries(WEIGHTS))('onnxruntime computes with %s weights where they lie', async (_, weight) => {
  // A tensor of three bytes before it: no offset need be a multiple of anything.
  const odd = { dtype: 'U8', shape: [3], bytes: new Uint8Array(3) };
  writeSafetensors(path, { odd, 'fc.weight': weight, 'fc.bias': f32([3], [0.5, 0.5, 0.5]) });
  const onnx = placeGraph(graphOf(path), { name: 'part', cacheDir });
  expect(await run(onnx)).toEqual([21.5, 43.5, 65.5]);
  expect(statSync(onnx).size).toBeLessThan(4096);
  const [link] = readdirSync(dirname(onnx)).filter((name) => name.endsWith('.safetensors'));
  expect(statSync(join(dirname(onnx), link)).ino).toBe(statSync(path).ino);
  expect(readModelFile(onnx).constants.get('fc.weight')).toMatchObject({ dims: [3, 2] });
});

test('the same graph over the same file is written once; over a replaced file, anew, and the old one goes', async () => {
  writeSafetensors(path, { 'fc.weight': WEIGHTS.F32 });
  const first = placeGraph(graphOf(path), { name: 'part', cacheDir });
  expect(placeGraph(graphOf(path), { name: 'part', cacheDir })).toBe(first);
  rmSync(path);
  writeSafetensors(path, { 'fc.weight': f32([3, 2], [0, 0, 0, 0, 0, 1]) });
  const second = placeGraph(graphOf(path), { name: 'part', cacheDir });
  expect(second).not.toBe(first);
  expect(await run(second)).toEqual([0, 0, 10]);
  expect(existsSync(first)).toBe(false);
});

test('weights behind a symbolic link are linked themselves', async () => {
  const target = join(folder, 'blob');
  writeSafetensors(target, { 'fc.weight': WEIGHTS.F32 });
  rmSync(path, { force: true });
  symlinkSync(target, path);
  const onnx = placeGraph(graphOf(path), { name: 'part', cacheDir });
  expect(await run(onnx)).toEqual([21, 43, 65]);
  rmSync(path);
});

test('where the cache can hold no link, the graph lies hidden beside the weights', async () => {
  writeSafetensors(path, { 'fc.weight': WEIGHTS.F32 });
  writeFileSync(join(folder, 'taken'), '');
  const onnx = placeGraph(graphOf(path), { name: 'part', cacheDir: join(folder, 'taken') });
  expect(dirname(dirname(onnx))).toBe(join(folder, '.graphs'));
  expect(await run(onnx)).toEqual([21, 43, 65]);
});

test('weights that lie elsewhere are handed over from memory', async () => {
  writeSafetensors(path, { 'fc.weight': WEIGHTS.F32 });
  const onnx = placeGraph(graphOf(path), { name: 'part', cacheDir: join(folder, 'other') });
  rmSync(join(dirname(onnx), 'weights-0.safetensors'));
  setExternalFiles(onnx, new Map([['weights-0.safetensors', path]]));
  expect(await run(onnx)).toEqual([21, 43, 65]);
  expect(readModelFile(onnx).constants.get('fc.weight')?.dims).toEqual([3, 2]);
});
