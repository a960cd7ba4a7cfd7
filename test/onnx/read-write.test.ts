import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelMessage } from '../../engine/onnx/proto.ts';
import { readModel, readModelFile } from '../../engine/onnx/read.ts';
import { createSession } from '../../engine/onnx/session.ts';
import { toNumbers } from '../../engine/onnx/tensor.ts';
import { writeModel, writeModelFile } from '../../engine/onnx/write.ts';
import { makeModel } from '../helpers/model.ts';
import { readTower, towerNames } from '../helpers/towers.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'onnx-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const gemm = makeModel({
  nodes: [{ op: 'Gemm', inputs: ['x', 'w'], attributes: { transB: 1, alpha: { float: 0.5 } } }],
  inputs: {
    x: { dims: [2, 3], type: 'float32' },
    w: { dims: [500, 3], type: 'float32', values: Array.from({ length: 1500 }, (_, i) => i / 7) },
  },
});

test.each(towerNames())('%s is read, written and read again without a change', (name) => {
  const model = readModelFile(readTower(name).path);
  const again = readModel(writeModel(model));
  expect({ ...again, source: '' }).toEqual({ ...model, source: '' });
});

test('attributes keep their kind: an integer 1 is not a float 1', () => {
  const again = readModel(writeModel(gemm));
  expect(Object.fromEntries(again.nodes[0].attributes)).toEqual({
    transB: { kind: 'int', value: 1 },
    alpha: { kind: 'float', value: 0.5 },
  });
});

test('weights in an external file come back the same, and onnxruntime reads them', async () => {
  const path = join(folder, 'model.onnx');
  writeModelFile(gemm, path, { externalData: true });
  expect(readFileSync(path).length).toBeLessThan(1000);
  expect(readModelFile(path).constants).toEqual(gemm.constants);
  await expect(createSession(readModelFile(path))).resolves.toBeDefined();
});

test('an external file that is cut short is refused with both sizes', () => {
  const path = join(folder, 'model.onnx');
  writeModelFile(gemm, path, { externalData: true });
  truncateSync(`${path}.data`, 5000);
  expect(() => readModelFile(path)).toThrow(/ends after 5000 bytes; 6000 are needed/);
});

test('external data outside the model folder is refused', () => {
  writeFileSync(join(folder, 'secret'), Buffer.alloc(8));
  const proto = {
    graph: {
      output: [{ name: 'w' }],
      initializer: [
        { name: 'w', dims: [2], dataType: 1, dataLocation: 1, externalData: [{ key: 'location', value: '../secret' }] },
      ],
    },
  };
  const bytes = ModelMessage.encode(proto as object).finish();
  expect(() => readModel(bytes, { folders: [join(folder, 'inner')] })).toThrow(
    /points to the file "\.\.\/secret", which is not beside the model/,
  );
});

/** A model of one tensor that lies in an external file. */
const external = (entries: Record<string, string>, dims = [2]): Uint8Array =>
  ModelMessage.encode({
    graph: {
      output: [{ name: 'w' }],
      initializer: [
        {
          name: 'w',
          dims,
          dataType: 1,
          dataLocation: 1,
          externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
        },
      ],
    },
  } as object).finish();

test('a link beside the model does not lead out of its folder', () => {
  mkdirSync(join(folder, 'model'));
  writeFileSync(join(folder, 'secret'), Buffer.alloc(8));
  symlinkSync('../secret', join(folder, 'model', 'weights'));
  writeFileSync(join(folder, 'model', 'model.onnx'), external({ location: 'weights' }));
  expect(() => readModelFile(join(folder, 'model', 'model.onnx'))).toThrow(
    /points to the file "weights", which is not beside the model/,
  );
});

test("the hub's cache: model and weights are links into one other folder", () => {
  mkdirSync(join(folder, 'blobs'));
  mkdirSync(join(folder, 'snapshot'));
  writeModelFile(gemm, join(folder, 'snapshot', 'model.onnx'), { externalData: true });
  for (const name of ['model.onnx', 'model.onnx.data']) {
    renameSync(join(folder, 'snapshot', name), join(folder, 'blobs', `hash-${name}`));
    symlinkSync(`../blobs/hash-${name}`, join(folder, 'snapshot', name));
  }
  expect(readModelFile(join(folder, 'snapshot', 'model.onnx')).constants).toEqual(gemm.constants);
});

test('a named pipe in place of the weights is refused at once', () => {
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  expect(() => readModel(external({ location: 'pipe' }), { folders: [folder] })).toThrow(/it is not a file/);
});

test('the file of external data is measured before memory is taken for what it claims', () => {
  writeFileSync(join(folder, 'small'), Buffer.alloc(8));
  const before = process.memoryUsage().arrayBuffers;
  expect(() => readModel(external({ location: 'small' }, [2 ** 32]), { folders: [folder] })).toThrow(
    /ends after 8 bytes; 17179869184 are needed/,
  );
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
});

test('a thousand tensors that claim the same bytes are refused', () => {
  writeFileSync(join(folder, 'shared'), Buffer.alloc(2 ** 16));
  const externalData = [{ key: 'location', value: 'shared' }];
  const initializer = Array.from({ length: 1000 }, (_, i) => ({
    name: `w${i}`,
    dims: [2 ** 14],
    dataType: 1,
    dataLocation: 1,
    externalData,
  }));
  const bytes = ModelMessage.encode({ graph: { output: [{ name: 'w0' }], initializer } } as object).finish();
  expect(() => readModel(bytes, { folders: [folder] })).toThrow(/claim more than 4 times its size/);
});

test.each<[string, Record<string, string>]>([
  ['another length than its dims need', { location: 'data', length: '12' }],
  ['an offset that is not a number', { location: 'data', offset: '-8' }],
])('external data with %s is refused', (_, entries) => {
  writeFileSync(join(folder, 'data'), Buffer.alloc(64));
  expect(() => readModel(external(entries), { folders: [folder] })).toThrow(
    /needs 8 bytes of external data, but claims offset/,
  );
});

const INTEGERS: [type: string, dataType: number, field: string, values: number[]][] = [
  ['int8', 3, 'int32Data', [-128, 0, 127]],
  ['uint8', 2, 'int32Data', [0, 128, 255]],
  ['int16', 5, 'int32Data', [-32768, 0, 32767]],
  ['uint16', 4, 'int32Data', [0, 1, 65535]],
  ['uint32', 12, 'uint64Data', [0, 1, 2 ** 32 - 1]],
  ['uint32', 12, 'int32Data', [0, 1, 2 ** 31 - 1]],
  ['uint64', 13, 'uint64Data', [0, 1, 2 ** 52]],
  ['bool', 9, 'int32Data', [0, 1, 1]],
];

test.each(INTEGERS)(
  'numbers of type %s (%i) in %s are read, written and read again',
  (type, dataType, field, values) => {
    const bytes = ModelMessage.encode({
      graph: { output: [{ name: 'w' }], initializer: [{ name: 'w', dims: [3], dataType, [field]: values }] },
    } as object).finish();
    const model = readModel(bytes);
    expect(model.constants.get('w')).toMatchObject({ type, dims: [3] });
    expect(toNumbers(model.constants.get('w')!)).toEqual(values);
    expect(readModel(writeModel(model)).constants).toEqual(model.constants);
  },
);

test.each<[string, () => Uint8Array, RegExp]>([
  ['an empty file', () => new Uint8Array(), /holds no graph with outputs/],
  [
    'a text file',
    () => new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\noid sha256:00\n'),
    /not an ONNX file, or it is damaged/,
  ],
  ['half a model', () => writeModel(gemm).slice(0, 3000), /not an ONNX file, or it is damaged/],
  [
    'a tensor shorter than its dims',
    () =>
      ModelMessage.encode({
        graph: {
          output: [{ name: 'w' }],
          initializer: [{ name: 'w', dims: [4], dataType: 1, rawData: new Uint8Array(8) }],
        },
      } as object).finish(),
    /has 8 bytes, but its dims \[4\] need 16/,
  ],
  [
    'a tensor that claims to be huge',
    () =>
      ModelMessage.encode({
        graph: { output: [{ name: 'w' }], initializer: [{ name: 'w', dims: [1e9, 1e9], dataType: 1 }] },
      } as object).finish(),
    /claims dims \[1000000000,1000000000\]/,
  ],
  [
    'a node that reads what nothing computes',
    () => writeModel({ ...gemm, constants: new Map() }),
    /reads "w", which nothing before it computes/,
  ],
  [
    'two nodes that compute the same name',
    () => writeModel({ ...gemm, nodes: [...gemm.nodes, ...gemm.nodes] }),
    /"y" is computed twice/,
  ],
  [
    'an output that nothing computes',
    () => writeModel({ ...gemm, outputs: [{ name: 'z' }] }),
    /the output "z" is never computed/,
  ],
])('%s is refused', (_, bytes, message) => {
  expect(() => readModel(bytes())).toThrow(
    expect.objectContaining({ code: 'MODEL_INVALID', message: expect.stringMatching(message) }),
  );
});

test('a missing file is MODEL_NOT_FOUND and names the path', () => {
  expect(() => readModelFile(join(folder, 'none.onnx'))).toThrow(
    expect.objectContaining({ code: 'MODEL_NOT_FOUND', message: expect.stringContaining('none.onnx') }),
  );
});

test('onnxruntime refusing a model is MODEL_INVALID with its words', async () => {
  const wrong = makeModel({ nodes: [{ op: 'NoSuchOp', inputs: ['x'] }], inputs: { x: { dims: [1] } } });
  await expect(createSession(wrong)).rejects.toThrow(
    expect.objectContaining({ code: 'MODEL_INVALID', message: expect.stringContaining('NoSuchOp') }),
  );
});
