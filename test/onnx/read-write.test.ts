import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printModel } from '../../engine/onnx/print.ts';
import { ModelMessage } from '../../engine/onnx/proto.ts';
import { readModel, readModelFile } from '../../engine/onnx/read.ts';
import { createSession } from '../../engine/onnx/session.ts';
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
  expect(() => readModel(bytes, { folder: join(folder, 'inner') })).toThrow(
    /points to the file "\.\.\/secret", which is not beside the model/,
  );
});

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
    /has 8 bytes where its dims \[4\] need 16/,
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

test('a graph prints one line a node', () => {
  expect(printModel(gemm).split('\n')).toEqual([
    'opset 17',
    'input x: float32 [2, 3]',
    'const w: float32 [500, 3]',
    'y = Gemm(x, w; transB=1, alpha=0.5)',
    'output y',
  ]);
});
