// The graph of an .onnx file without its large constants: the same model once they are put back, from wherever they lie.
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readModelFile } from '../../engine/onnx/read.ts';
import { readGraph, type StoredConstant } from '../../engine/onnx/read-graph.ts';
import type { Tensor } from '../../engine/onnx/tensor.ts';
import { writeModel, writeModelFile } from '../../engine/onnx/write.ts';
import { makeModel } from '../helpers/model.ts';
import { field, varint } from '../helpers/protobuf.ts';
import { readTower, towerNames } from '../helpers/towers.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pez-graph-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function load({ path, type, dims, offset, length }: StoredConstant): Tensor {
  const bytes = new Uint8Array(length);
  const file = openSync(path, 'r');
  readSync(file, bytes, 0, length, offset);
  closeSync(file);
  return { type, dims, bytes };
}

/** The model of a file, read in two ways. */
function bothWays(path: string): void {
  const { model, weights } = readGraph(path);
  const whole = readModelFile(path);
  const constants = new Map([...model.constants, ...[...weights].map(([name, w]) => [name, load(w)] as const)]);
  const sorted = (map: ReadonlyMap<string, Tensor>) =>
    [...map]
      .map(([name, { type, dims, bytes }]) => [name, type, [...dims], Buffer.from(bytes).toString('base64')])
      .sort();
  expect(sorted(constants)).toEqual(sorted(whole.constants));
  expect({ ...model, constants: null }).toEqual({ ...whole, constants: null });
  expect(weights.size).toBeGreaterThan(0);
}

test.each([
  ...towerNames().map((name) => readTower(name).path),
  'test/fixtures/immich/first/textual/model.onnx',
  'test/fixtures/immich/first/visual/model.onnx',
  'test/fixtures/immich/second/textual/model.onnx',
])('%s is the same model', (path) => bothWays(path));

const gemm = makeModel({
  nodes: [{ op: 'Gemm', inputs: ['x', 'w'], attributes: { transB: 1 } }],
  inputs: {
    x: { dims: [2, 3], type: 'float32' },
    w: { dims: [500, 3], type: 'float32', values: Array.from({ length: 1500 }, (_, i) => i / 7) },
  },
});

test('external data is named where it lies', () => {
  const path = join(folder, 'model.onnx');
  writeModelFile(gemm, path, { externalData: true });
  expect(readGraph(path).weights.get('w')).toEqual({
    name: 'w',
    path: `${path}.data`,
    type: 'float32',
    dims: [500, 3],
    offset: 0,
    length: 6000,
  });
  bothWays(path);
});

test('a file with a constant of a gigabyte is read without it', () => {
  const path = join(folder, 'model.onnx');
  const size = 2 ** 30;
  const dims = Buffer.concat([field(1, 2 ** 28), field(2, 1), field(8, 'large')]);
  const raw = Buffer.concat([Buffer.from([9 * 8 + 2]), varint(size)]);
  const tensor = Buffer.concat([Buffer.from([5 * 8 + 2]), varint(dims.length + raw.length + size), dims, raw]);
  const graph = Buffer.concat([Buffer.from([7 * 8 + 2]), varint(tensor.length + size), tensor]);
  const small = writeModel(gemm);
  const file = openSync(path, 'w');
  writeSync(file, small);
  writeSync(file, graph);
  ftruncateSync(file, small.length + graph.length + size);
  closeSync(file);
  const before = process.memoryUsage().arrayBuffers;
  const { weights, model } = readGraph(path);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16e6);
  expect(weights.get('large')).toMatchObject({ dims: [2 ** 28], offset: small.length + graph.length, length: size });
  expect(model.nodes).toHaveLength(1);
});

test.each([
  ['too few bytes', { location: 'w.bin', length: '10' }, /needs 6000 bytes, but claims 10/],
  ['an offset that is no number', { location: 'w.bin', offset: 'x' }, /claims 6000 at NaN/],
  ['a file elsewhere', { location: '../w.bin' }, /"..\/w.bin", which is not beside the model/],
])('external data with %s is refused', (_, entries, message) => {
  const path = join(folder, 'model.onnx');
  const external = Object.entries(entries).map(([key, value]) => field(13, field(1, key), field(2, value)));
  const w = field(5, field(1, 500), field(1, 3), field(2, 1), field(8, 'w'), field(14, 1), ...external);
  writeFileSync(path, Buffer.concat([writeModel({ ...gemm, constants: new Map() }), field(7, w)]));
  expect(() => readGraph(path)).toThrow(
    expect.objectContaining({ code: 'MODEL_INVALID', message: expect.stringMatching(message) }),
  );
});

test('any cut of a file is refused', () => {
  const whole = readFileSync('test/fixtures/immich/second/visual/model.onnx');
  const path = join(folder, 'model.onnx');
  for (let length = 0; length < whole.length; length += 997) {
    writeFileSync(path, whole.subarray(0, length));
    expect(() => readGraph(path)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
  }
});
