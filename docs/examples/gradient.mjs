// Gradient of an ONNX model without a training framework: node docs/examples/gradient.mjs model.onnx
// Reads a model with the input x and the output loss; prints the loss before and after ten steps downhill.
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { gradient } from 'pez-nodes/autodiff';

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: node docs/examples/gradient.mjs model.onnx   (a model with the input x and the output loss)');
  process.exit(2);
}
const model = readFileSync(path);
const session = await ort.InferenceSession.create(
  await gradient(model, { of: 'loss', wrt: ['x'], dims: { batch: 1 } }),
);

const dims = session.inputMetadata.find((input) => input.name === 'x').shape;
const x = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i + 1));
const losses = [];
for (let step = 0; step <= 10; step++) {
  const { loss, x_grad } = await session.run({ x: new ort.Tensor('float32', x, dims) });
  losses.push(loss.data[0]);
  for (let i = 0; i < x.length; i++) x[i] -= 0.1 * x_grad.data[i];
}
console.log(JSON.stringify({ before: losses[0], after: losses.at(-1) }));
