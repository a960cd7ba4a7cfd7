// The op fixtures of test/fixtures/ops: PyTorch's gradients of single nodes (training/fixtures/ops.py), and how to run ours.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as ort from 'onnxruntime-node';
import { addGradient } from '../../engine/autodiff/gradient.ts';
import type { Model } from '../../engine/onnx/graph.ts';
import type { Session } from '../../engine/onnx/session.ts';
import { specialise } from '../../engine/onnx/specialise.ts';
import { type AttributeSpec, makeModel } from './model.ts';

export interface OpArray {
  readonly dims: readonly number[];
  readonly data: readonly number[];
  readonly type?: 'int64' | 'bool';
}

export interface OpCase {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly attrs: Readonly<Record<string, AttributeSpec>>;
  readonly opset: number;
  readonly inputs: readonly (OpArray | null)[];
  readonly outputs?: readonly string[];
  readonly cotangent: OpArray;
  readonly gradients: readonly (OpArray | null)[];
}

const folder = fileURLToPath(new URL('../fixtures/ops/', import.meta.url));

/** Names of the ops, as the rule table has them. */
export const fixtureOps = (): string[] =>
  readdirSync(folder).flatMap((f) => (f.endsWith('.json') ? [f.slice(0, -'.json'.length)] : []));

/** All cases of an op. */
export function opCases(op: string): OpCase[] {
  const { cases, ...shared } = JSON.parse(readFileSync(`${folder}${op}.json`, 'utf8'));
  return cases.map((c: object) => ({ ...shared, ...c }));
}

/** The gradients by every float input that has one in the fixture, in float32, of a session that `open` makes. */
export async function runGradients(
  { op, domain, attrs, opset, inputs, outputs, cotangent, gradients }: OpCase,
  open: (model: Model) => Promise<Session>,
): Promise<Map<string, Float32Array>> {
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
  const session = await open(addGradient(await specialise(model), { of: 'y', wrt, cotangent: 'u' }));
  const feeds = named.flatMap(([name, { dims, data, type }]) =>
    type ? [] : [[name, new ort.Tensor('float32', Float32Array.from(data), dims)] as const],
  );
  const out = await session.run({
    ...Object.fromEntries(feeds),
    u: new ort.Tensor('float32', Float32Array.from(cotangent.data), cotangent.dims),
  });
  return new Map(wrt.map((name) => [name, out[`${name}_grad`].data as Float32Array]));
}
