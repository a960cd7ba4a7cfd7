// float16 across the border of onnxruntime, measured by its own Cast.
import { toFloats, toHalfTensor } from '../../engine/onnx/half.ts';
import { halfToNumber } from '../../engine/onnx/half-bits.ts';
import { createSession, toOrt } from '../../engine/onnx/session.ts';
import { elementCode, tensor } from '../../engine/onnx/tensor.ts';
import { makeModel } from '../helpers/model.ts';

/** onnxruntime's Cast of `values`, which go in as `from` and come out as `to`. */
async function cast(values: Float32Array, from: 'float32' | 'float16', to: 'float32' | 'float16') {
  const dims = [values.length];
  const session = await createSession(
    makeModel({
      nodes: [{ op: 'Cast', inputs: ['x'], attributes: { to: elementCode(to) } }],
      inputs: { x: { dims, type: from } },
    }),
  );
  const x = from === 'float16' ? toHalfTensor(values, dims) : toOrt(tensor('float32', dims, values));
  return toFloats((await session.run({ x })).y);
}

const firstDifference = (a: Float32Array, b: Float32Array): number =>
  a.findIndex((value, i) => !Object.is(value, b[i]));

test('every float16 number goes in and comes out unchanged', async () => {
  const all = Float32Array.from({ length: 2 ** 16 }, (_, bits) => halfToNumber(bits));
  expect(firstDifference(await cast(all, 'float16', 'float32'), all)).toBe(-1);
  expect(firstDifference(await cast(all, 'float32', 'float16'), all)).toBe(-1);
});

test('float32 numbers are rounded as onnxruntime rounds them: halfway cases, tiny and huge ones too', async () => {
  const numbers: number[] = [];
  for (let bits = 0; bits < 0x7c00; bits++) {
    const [low, high] = [halfToNumber(bits), bits + 1 < 0x7c00 ? halfToNumber(bits + 1) : 2 ** 16];
    for (const part of [0.25, 0.499999, 0.5, 0.500001, 0.75]) numbers.push(low + part * (high - low));
  }
  numbers.push(1e-30, 1e-45, 65_519, 65_520, 1e6, 3e38, Number.POSITIVE_INFINITY, Number.NaN);
  const values = Float32Array.from([...numbers, ...numbers.map((x) => -x)]);
  expect(firstDifference(await cast(values, 'float16', 'float32'), await cast(values, 'float32', 'float16'))).toBe(-1);
});
