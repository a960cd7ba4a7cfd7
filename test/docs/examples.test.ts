// The programs that the documents show run as they stand, against the built package.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeModel } from '../../engine/onnx/write.ts';
import { makeModel } from '../helpers/model.ts';

const example = fileURLToPath(new URL('../../docs/examples/gradient.mjs', import.meta.url));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docs-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('docs/examples/gradient.mjs walks downhill', () => {
  const quadratic = makeModel({
    nodes: [{ op: 'ReduceSumSquare', inputs: ['x'], outputs: ['loss'], attributes: { keepdims: 0 } }],
    inputs: { x: { dims: [1, 4], type: 'float32' } },
    outputs: ['loss'],
  });
  const path = join(folder, 'model.onnx');
  writeFileSync(path, writeModel(quadratic));
  const { before, after } = JSON.parse(execFileSync(process.execPath, [example, path], { encoding: 'utf8' }));
  // Each step multiplies x by 1 − 2·0.1, the loss by 0.64.
  expect(after / before).toBeCloseTo(0.64 ** 10, 4);
});

test('without a model it says how it is used', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [example], { encoding: 'utf8' });
  expect([status, stdout, stderr]).toEqual([2, '', expect.stringMatching(/^usage: node .*model\.onnx.*\n$/)]);
});
