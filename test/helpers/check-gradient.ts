// The numeric check of a gradient: one random direction v and one random cotangent u, in float64:
//   ⟨v, vjp(u)⟩ must equal the central difference (⟨u, f(x + hv)⟩ − ⟨u, f(x − hv)⟩) / 2h.
// Two forward runs, however large the tensors.
import * as ort from 'onnxruntime-node';
import { addGradient } from '../../engine/autodiff/gradient.ts';
import type { Model } from '../../engine/onnx/graph.ts';
import { createSession } from '../../engine/onnx/session.ts';
import { specialise } from '../../engine/onnx/specialise.ts';
import { sizeOf } from '../../engine/onnx/tensor.ts';
import { random } from './random.ts';

export interface CheckOptions {
  readonly model: Model;
  readonly of?: string;
  readonly wrt: readonly string[];
  /** Where the inputs are drawn from; [-2, 2] by default. */
  readonly domain?: readonly [low: number, high: number];
  readonly seed?: number;
  /** What the gradient is made to be: a wrong one shows that the check sees it. */
  readonly tamper?: (gradient: Float64Array) => Float64Array;
}

/** |analytic − numeric| / max(1, |numeric|), the worst over the inputs in `wrt`. */
export async function gradientError({
  model,
  of = 'y',
  wrt,
  domain = [-2, 2],
  seed = 1,
  tamper = (g) => g,
}: CheckOptions): Promise<number> {
  const draw = random(seed);
  const uniform = (dims: readonly number[], [low, high]: readonly [number, number]) =>
    Float64Array.from({ length: sizeOf(dims) }, () => low + (high - low) * draw());
  const fixed = await specialise(model);
  const session = await createSession(addGradient(fixed, { of, wrt, cotangent: 'u' }), {
    graphOptimizationLevel: 'disabled',
  });
  const u = uniform(fixed.values.get(of)!.dims, [-1, 1]);
  const point = new Map(fixed.inputs.map((i) => [i.name, uniform(i.dims as number[], domain)]));
  const run = async (at: ReadonlyMap<string, Float64Array>) => {
    const feeds = fixed.inputs.map(
      (i) => [i.name, new ort.Tensor('float64', at.get(i.name)!, i.dims as number[])] as const,
    );
    return session.run({ ...Object.fromEntries(feeds), u: new ort.Tensor('float64', u, fixed.values.get(of)!.dims) });
  };
  const base = await run(point);
  let worst = 0;
  for (const name of wrt) {
    const x = point.get(name)!;
    const v = uniform([x.length], [-1, 1]);
    const h = 1e-5;
    const moved = async (by: number) => {
      const at = new Map(point).set(
        name,
        x.map((value, i) => value + by * v[i]),
      );
      return dot(u, (await run(at))[of].data as Float64Array);
    };
    const numeric = ((await moved(h)) - (await moved(-h))) / (2 * h);
    const analytic = dot(v, tamper(base[`${name}_grad`].data as Float64Array));
    worst = Math.max(worst, Math.abs(analytic - numeric) / Math.max(1, Math.abs(numeric)));
  }
  return Number.isNaN(worst) ? Number.POSITIVE_INFINITY : worst;
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i], 0);
