// Rules against PyTorch: the ops that onnxruntime has no float64 kernel for, and others once more.
import * as ort from 'onnxruntime-node';
import { addGradient } from '../../engine/autodiff/gradient.ts';
import { rules } from '../../engine/autodiff/rules.ts';
import { createSession } from '../../engine/onnx/session.ts';
import { specialise } from '../../engine/onnx/specialise.ts';
import { makeModel } from '../helpers/model.ts';
import { fixtureOps, type OpCase, opCases } from '../helpers/op-fixtures.ts';

const TOLERANCE = 1e-5;
const cases = fixtureOps()
  .filter((op) => op in rules)
  .flatMap(opCases);

test.each(cases)('$name', async (example) => {
  const gradients = await run(example);
  example.gradients.forEach((expected, i) => {
    if (!expected) return;
    const actual = gradients.get(`x${i}`)!;
    expect(actual.length).toBe(expected.data.length);
    const worst = Math.max(
      0,
      ...expected.data.map((value, k) => Math.abs(value - actual[k]) / Math.max(1, Math.abs(value))),
    );
    expect(worst).toBeLessThan(TOLERANCE);
  });
});

/** The gradients by every float input that has one in the fixture, in float32. */
async function run({
  op,
  domain,
  attrs,
  opset,
  inputs,
  outputs,
  cotangent,
  gradients,
}: OpCase): Promise<Map<string, Float32Array>> {
  const named = inputs.flatMap((input, i) => (input ? [[`x${i}`, input] as const] : []));
  const model = makeModel({
    nodes: [
      {
        op,
        domain,
        inputs: inputs.map((input, i) => (input ? `x${i}` : '')),
        attributes: attrs,
        ...(outputs && { outputs }),
      },
    ],
    inputs: Object.fromEntries(
      named.map(([name, { dims, data, type }]) => [
        name,
        type ? { dims, type, values: data } : { dims, type: 'float32' as const },
      ]),
    ),
    opset,
  });
  const wrt = named.flatMap(([name]) => (gradients[Number(name.slice(1))] ? [name] : []));
  const session = await createSession(addGradient(await specialise(model), { of: 'y', wrt, cotangent: 'u' }));
  const feeds = named.flatMap(([name, { dims, data, type }]) =>
    type ? [] : [[name, new ort.Tensor('float32', Float32Array.from(data), dims)] as const],
  );
  const out = await session.run({
    ...Object.fromEntries(feeds),
    u: new ort.Tensor('float32', Float32Array.from(cotangent.data), cotangent.dims),
  });
  return new Map(wrt.map((name) => [name, out[`${name}_grad`].data as Float32Array]));
}
