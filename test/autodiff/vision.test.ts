// Whole models of pictures, exported by PyTorch: the gradients by every input, and by weights that were made inputs,
// through the library's public door and against PyTorch in float64 (training/fixtures/vision.py).
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as ort from 'onnxruntime-node';
import { gradient, gradientName } from '../../engine/autodiff/gradient.ts';
import { type ArrayFixture, relativeError } from '../helpers/towers.ts';

interface VisionFixture {
  readonly loss: number;
  readonly inputs: readonly { name: string; value: ArrayFixture; gradient: ArrayFixture }[];
}

const TOLERANCE = 1e-4;
const folder = fileURLToPath(new URL('../fixtures/vision/', import.meta.url));

test.each(readdirSync(folder))('%s', async (name) => {
  const { loss, inputs }: VisionFixture = JSON.parse(readFileSync(`${folder}${name}/gradient.json`, 'utf8'));
  const wrt = inputs.map((i) => i.name);
  const model = await gradient(readFileSync(`${folder}${name}/model.onnx`), { of: 'loss', wrt });
  const session = await ort.InferenceSession.create(model);
  const feeds = inputs.map(
    (i) => [i.name, new ort.Tensor('float32', Float32Array.from(i.value.data), i.value.dims)] as const,
  );
  const out = await session.run(Object.fromEntries(feeds));
  expect(relativeError(out.loss.data as Float32Array, [loss])).toBeLessThan(TOLERANCE);
  const errors = inputs.map(
    (i) => [i.name, relativeError(out[gradientName(i.name)].data as Float32Array, i.gradient.data)] as const,
  );
  expect(errors.filter(([, error]) => !(error < TOLERANCE))).toEqual([]);
});
