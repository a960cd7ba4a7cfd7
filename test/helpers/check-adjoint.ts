// The check of ops that are linear in each input and have no float64 kernel: a central difference of a linear function
// is exact at any step, so a step of 1 in float32 leaves only rounding, and none at all for sums of whole numbers:
//   ⟨v, vjp(u)⟩ must equal (⟨u, f(x + v)⟩ − ⟨u, f(x − v)⟩) / 2.
import * as ort from 'onnxruntime-node';
import { addGradient } from '../../engine/autodiff/gradient.ts';
import type { Model } from '../../engine/onnx/graph.ts';
import { createSession } from '../../engine/onnx/session.ts';
import { specialise } from '../../engine/onnx/specialise.ts';
import { sizeOf } from '../../engine/onnx/tensor.ts';
import { random } from './random.ts';

/** |analytic − numeric| / max(1, |numeric|), the worst over the inputs in `wrt`, of a model in float32. */
export async function adjointError(model: Model, wrt: readonly string[], seed = 1): Promise<number> {
  const fixed = await specialise(model);
  const session = await createSession(addGradient(fixed, { of: 'y', wrt, cotangent: 'u' }), {
    graphOptimizationLevel: 'disabled',
  });
  const draw = random(seed);
  const whole = (dims: readonly number[]) =>
    Float32Array.from({ length: sizeOf(dims) }, () => Math.round(6 * draw() - 3));
  const yDims = fixed.values.get('y')!.dims;
  const u = whole(yDims);
  const point = new Map(fixed.inputs.map((i) => [i.name, whole(i.dims as number[])]));
  const run = (at: ReadonlyMap<string, Float32Array>) => {
    const feeds = fixed.inputs.map((i) => [i.name, new ort.Tensor('float32', at.get(i.name)!, i.dims as number[])]);
    return session.run({ ...Object.fromEntries(feeds), u: new ort.Tensor('float32', u, yDims) });
  };
  const base = await run(point);
  let worst = 0;
  for (const name of wrt) {
    const x = point.get(name)!;
    const v = whole([x.length]);
    const moved = async (by: number) => {
      const at = new Map(point).set(
        name,
        x.map((value, i) => value + by * v[i]),
      );
      return dot(u, (await run(at)).y.data as Float32Array);
    };
    const numeric = ((await moved(1)) - (await moved(-1))) / 2;
    const analytic = dot(v, base[`${name}_grad`].data as Float32Array);
    worst = Math.max(worst, Math.abs(analytic - numeric) / Math.max(1, Math.abs(numeric)));
  }
  return Number.isNaN(worst) ? Number.POSITIVE_INFINITY : worst;
}

/** In double precision. */
function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
