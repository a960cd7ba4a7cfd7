// GroupNormalization as one node. onnxruntime takes it apart when a model is specialised, so that the rule is met only
// by a graph that was made static in another way; here by writing its shapes down.
import * as ort from 'onnxruntime-node';
import { addGradient } from '../../engine/autodiff/gradient.ts';
import { createSession } from '../../engine/onnx/session.ts';
import { makeModel } from '../helpers/model.ts';
import { type OpArray, opCases } from '../helpers/op-fixtures.ts';
import { relativeError } from '../helpers/towers.ts';

const tensor = ({ data, dims }: OpArray) => new ort.Tensor('float32', Float32Array.from(data), dims);

test.each(opCases('GroupNormalization'))('$name', async ({ attrs, opset, inputs, cotangent, gradients }) => {
  const names = ['x', 'scale', 'bias'];
  const dims = new Map([...inputs.map((v, i) => [names[i], v!.dims] as const), ['y', cotangent.dims] as const]);
  const model = makeModel({
    nodes: [{ op: 'GroupNormalization', inputs: names, attributes: attrs }],
    inputs: Object.fromEntries(names.map((name) => [name, { type: 'float32', dims: dims.get(name)! }])),
    opset,
  });
  const values = new Map([...dims].map(([name, d]) => [name, { name, type: 'float32' as const, dims: d }]));
  const session = await createSession(addGradient({ ...model, values }, { of: 'y', wrt: names, cotangent: 'u' }));
  const feeds = Object.fromEntries(inputs.map((v, i) => [names[i], tensor(v!)]));
  const out = await session.run({ ...feeds, u: tensor(cotangent) });
  names.forEach((name, i) => {
    expect(relativeError(out[`${name}_grad`].data as Float32Array, gradients[i]!.data)).toBeLessThan(1e-5);
  });
});
