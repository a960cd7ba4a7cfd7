import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSafetensorsHeader } from '../../engine/safetensors/header.ts';
import { openWeights, readWeight, reshaped, rows } from '../../engine/safetensors/weights.ts';
import { encodeSafetensors, f32, writeSafetensors } from '../helpers/safetensors-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'safetensors-'));
const path = join(folder, 'x.safetensors');
afterAll(() => rmSync(folder, { recursive: true }));

const write = (header: object | string, bytes = 0) =>
  writeFileSync(path, encodeSafetensors(header, new Uint8Array(bytes)));
const read = () => readSafetensorsHeader(path);
const entry = (shape: number[], from: number, to: number, dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [from, to],
});

test('a header tells type, shape and place of every tensor', () => {
  writeSafetensors(path, { a: f32([2, 2], [1, 2, 3, 4]), b: f32([], [5]) }, { title: 'mine' });
  const { tensors, metadata } = read();
  const start = tensors.get('a')!.offset;
  expect(tensors.get('a')).toEqual({ dtype: 'F32', dims: [2, 2], offset: start, length: 16 });
  expect(tensors.get('b')).toEqual({ dtype: 'F32', dims: [], offset: start + 16, length: 4 });
  expect([...metadata]).toEqual([['title', 'mine']]);
});

const DAMAGED: Record<string, [write: () => void, message: RegExp]> = {
  'an empty file': [() => writeFileSync(path, ''), /fewer than the 8/],
  'a header of 2 GiB': [
    () => writeFileSync(path, Buffer.from('0000008000000000', 'hex')),
    /2147483648 bytes; the limit/,
  ],
  'a header of 2^63 bytes': [() => writeFileSync(path, Buffer.from('0000000000000080', 'hex')), /the limit is/],
  'a file that ends in its header': [
    () => writeFileSync(path, Buffer.from('ff00000000000000', 'hex')),
    /ends inside its header/,
  ],
  'a header that is not JSON': [() => write('{"a":'), /not JSON/],
  'a header that is a list': [() => write('[]'), /not a JSON object/],
  'an entry without a shape': [() => write({ a: { dtype: 'F32', data_offsets: [0, 0] } }), /"a" lacks/],
  'an offset of 2^53': [() => write({ a: entry([1], 2 ** 53, 2 ** 53 + 4) }), /"a" lacks/],
  'an offset just below 2^53': [() => write({ a: entry([1], 2 ** 53 - 8, 2 ** 53 - 4) }), /not downloaded to its end/],
  'a negative offset': [() => write({ a: entry([1], -4, 0) }, 4), /"a" lacks/],
  'a tensor that ends before it begins': [() => write({ a: entry([1], 4, 0) }, 4), /ends before it begins/],
  'a shape that does not fit': [() => write({ a: entry([3], 0, 4) }, 4), /takes 12 bytes, but has 4/],
  'tensors that overlap': [() => write({ a: entry([2], 0, 8), b: entry([1], 4, 8) }, 8), /"b" overlaps/],
  'a hole': [() => write({ a: entry([1], 0, 4), b: entry([1], 8, 12) }, 12), /4 bytes before its tensor "b"/],
  'bytes at the end': [() => write({ a: entry([1], 0, 4) }, 8), /4 bytes at its end/],
  'too many dimensions': [() => write({ a: entry(Array(17).fill(1), 0, 4) }, 4), /17 dimensions/],
};

test.each(Object.entries(DAMAGED))('%s is refused', (_, [make, message]) => {
  make();
  expect(read).toThrow(expect.objectContaining({ code: 'MODEL_INVALID', message: expect.stringMatching(message) }));
});

test('a file that was cut off is refused at every length', () => {
  writeSafetensors(path, { a: f32([4], [1, 2, 3, 4]) });
  const whole = read().tensors.get('a')!;
  for (let size = whole.offset + whole.length - 1; size >= 0; size -= 3) {
    truncateSync(path, size);
    expect(read).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
  }
});

test('a type of which nothing is known may stand in a file until it is asked for', () => {
  write({ a: entry([1], 0, 1, 'F4_NEW') }, 1);
  const weights = openWeights(path);
  expect(weights.dims('a')).toEqual([1]);
  expect(() => weights.get('a')).toThrow(/of type F4_NEW/);
});

test('a pickle is refused with the reason and the way to convert it', () => {
  for (const name of ['v1-5.ckpt', 'x.pt', 'pytorch_model.bin', 'X.PTH'])
    expect(() => openWeights(join(folder, name))).toThrow(/is a pickle, which can run code .*safetensors\.torch/);
});

test('a sharded model is opened by its index', () => {
  writeSafetensors(join(folder, 'm-1.safetensors'), { a: f32([1], [1]) });
  writeSafetensors(join(folder, 'm-2.safetensors'), { b: f32([2], [2, 3]) });
  const index = join(folder, 'm.safetensors.index.json');
  writeFileSync(index, JSON.stringify({ weight_map: { a: 'm-1.safetensors', b: 'm-2.safetensors' } }));
  const weights = openWeights(index);
  expect([...weights.names]).toEqual(['a', 'b']);
  expect(weights.get('b')).toMatchObject({ path: join(folder, 'm-2.safetensors'), dims: [2] });
  for (const name of ['../m-1.safetensors', '/etc/passwd', 'm-1.bin', 7]) {
    writeFileSync(index, JSON.stringify({ weight_map: { a: name } }));
    expect(() => openWeights(index)).toThrow(/not the name of a .safetensors file beside it/);
  }
});

test('views read the same bytes', () => {
  writeSafetensors(path, { w: f32([3, 2, 1, 1], [1, 2, 3, 4, 5, 6]) });
  const weight = reshaped(openWeights(path).get('w')!, [3, 2]);
  const numbers = (w: typeof weight) => Array.from(new Float32Array(readWeight(w).bytes.buffer));
  expect(numbers(rows(weight, 1, 3))).toEqual([3, 4, 5, 6]);
  expect(rows(weight, 1, 3).dims).toEqual([2, 2]);
  expect(() => reshaped(weight, [4])).toThrow(RangeError);
  expect(() => rows(weight, 2, 4)).toThrow(RangeError);
});
