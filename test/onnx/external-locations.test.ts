// Which files hold the weights of an .onnx file: found wherever tensors stand, in files of any size; damaged files and names that lead
// elsewhere are refused with one sentence.
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { externalLocations } from '../../engine/onnx/external-locations.ts';
import { externalTensor, field, varint, withExternalData } from '../helpers/protobuf.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pez-locations-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const path = () => join(folder, 'model.onnx');
const locationsOf = (...parts: Uint8Array[]) => {
  writeFileSync(path(), Buffer.concat(parts));
  return externalLocations(path());
};

test.each([
  'model.onnx_data',
  'model.onnx.data_1',
  'weights.pb',
  'conv_in.weight',
  'down_blocks.0.resnets.0.conv1.bias',
  '3b719d32-4886-11ef-9f3c-0242ac110002',
  'Constant_2700_attr__value',
  'onnx::MatMul_4421',
  'weights/part 1.bin',
  'poids été.bin',
])('%s is a name of weights', (name) => {
  expect(locationsOf(withExternalData(Buffer.alloc(0), name))).toEqual([name]);
});

test('tensors of initialisers, attributes, sub-graphs, functions and sparse tensors are all seen, each file once', () => {
  const attribute = (number: number, ...content: Uint8Array[]) => field(5, field(number, ...content));
  const node = (...attributes: Uint8Array[]) => field(1, ...attributes);
  const inner = Buffer.concat([
    node(attribute(5, externalTensor('d', 'in-sub-graph'))),
    field(5, externalTensor('e', 'e')),
  ]);
  const graph = [
    node(attribute(5, externalTensor('a', 'attribute')), attribute(10, externalTensor('b', 'attribute list'))),
    node(attribute(6, inner), attribute(11, field(5, externalTensor('f', 'graph list')))),
    node(attribute(22, field(1, externalTensor('g', 'sparse attribute')))),
    field(5, externalTensor('h', 'initialiser')),
    field(5, externalTensor('i', 'initialiser')),
    field(15, field(1, externalTensor('j', 'sparse values')), field(2, externalTensor('k', 'sparse indices'))),
  ];
  const inFunction = field(25, field(7, attribute(5, externalTensor('l', 'function'))));
  expect(locationsOf(field(7, ...graph), inFunction)).toEqual([
    'attribute',
    'attribute list',
    'in-sub-graph',
    'e',
    'graph list',
    'sparse attribute',
    'initialiser',
    'sparse values',
    'sparse indices',
    'function',
  ]);
});

test('a tensor that only has the name of a file, but holds its bytes itself, names none', () => {
  const tensor = field(5, field(9, Buffer.alloc(4)), field(13, field(1, 'location'), field(2, 'old.bin')));
  expect(locationsOf(field(7, tensor))).toEqual([]);
});

test('weights inside the file are skipped, however large: three gigabytes take no memory', () => {
  const size = 3 * 2 ** 30;
  const rest = Buffer.concat([field(8, 'large'), field(9, Buffer.alloc(0))]);
  const raw = Buffer.concat([Buffer.from([9 * 8 + 2]), varint(size)]);
  const tensor = Buffer.concat([Buffer.from([5 * 8 + 2]), varint(rest.length + raw.length + size), rest, raw]);
  const after = field(5, externalTensor('after', 'after.bin'));
  const graph = Buffer.concat([Buffer.from([7 * 8 + 2]), varint(tensor.length + size + after.length), tensor]);
  const file = openSync(path(), 'w');
  try {
    writeSync(file, graph);
    ftruncateSync(file, graph.length + size); // a hole: it takes no disk either
    writeSync(file, after, 0, after.length, graph.length + size);
  } finally {
    closeSync(file);
  }
  const before = process.memoryUsage().arrayBuffers;
  expect(externalLocations(path())).toEqual(['after.bin']);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16e6);
});

test.each([
  '../weights.bin',
  'a/../../weights.bin',
  '/etc/passwd',
  'C:weights.bin',
  '..\\weights.bin',
  '.pez-nodes.json',
  'a//b',
  '',
  'a\u0000b',
])('the name %j is refused', (name) => {
  expect(() => locationsOf(withExternalData(Buffer.alloc(0), name))).toThrow(
    expect.objectContaining({
      code: 'MODEL_INVALID',
      message: `${path()} keeps weights in the file ${JSON.stringify(name)}, which is not beside it; such a model is not used.`,
    }),
  );
});

test('absurd names and counts are refused', () => {
  expect(() => locationsOf(withExternalData(Buffer.alloc(0), 'x'.repeat(2000)))).toThrow(/has 2000 bytes/);
  expect(() => locationsOf(withExternalData(Buffer.alloc(0), `folder/${'x'.repeat(250)}`))).toThrow(/has 250 bytes/);
  const many = Array.from({ length: 20_001 }, (_, i) => `tensor-${i}`);
  expect(locationsOf(withExternalData(Buffer.alloc(0), ...many.slice(1)))).toHaveLength(20_000);
  expect(() => locationsOf(withExternalData(Buffer.alloc(0), ...many))).toThrow(/more than 20000 files/);
});

test('graphs in graphs without end are refused', () => {
  let graph: Buffer = Buffer.alloc(0);
  for (let i = 0; i < 100; i++) graph = field(1, field(5, field(6, graph)));
  expect(() => locationsOf(field(7, graph))).toThrow(/nested more than 32 deep/);
});

test.each<[string, Buffer, RegExp]>([
  ['a text', Buffer.from('<!doctype html>'), /damaged \(no field begins at byte 0\)/],
  ['a Git LFS pointer', Buffer.from('version https://git-lfs.github.com/spec/v1\n'), /damaged/],
  ['a field longer than the file', Buffer.concat([Buffer.from([7 * 8 + 2]), varint(10)]), /longer than what holds it/],
  ['a field of 2^60 bytes', Buffer.concat([Buffer.from([7 * 8 + 2]), varint(2 ** 60)]), /longer than what holds it/],
  ['a tensor longer than its graph', field(7, Buffer.from([5 * 8 + 2, 100, 0])), /longer than what holds it/],
  ['a number without end', Buffer.alloc(40, 255), /more than ten bytes/],
  ['a file that ends inside a number', Buffer.from([8, 128]), /longer than what holds it/],
])('%s is not an ONNX file', (_, bytes, message) => {
  expect(() => locationsOf(bytes)).toThrow(
    expect.objectContaining({ code: 'MODEL_INVALID', message: expect.stringMatching(message) }),
  );
});

test('any cut of a file ends with that sentence or with the names before the cut, and with nothing else', () => {
  const whole = withExternalData(field(8, field(2, 17)), 'a', 'b', 'c');
  for (let length = 0; length < whole.length; length++) {
    try {
      expect(['a', 'b', 'c']).toEqual(expect.arrayContaining(locationsOf(whole.subarray(0, length))));
    } catch (error) {
      expect(error).toMatchObject({ code: 'MODEL_INVALID' });
    }
  }
});

test('a file that is not there says so', () => {
  expect(() => externalLocations(path())).toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND' }));
});
