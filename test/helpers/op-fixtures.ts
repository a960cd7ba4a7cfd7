// The op fixtures of test/fixtures/ops: PyTorch's gradients of single nodes (training/fixtures/ops.py).
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { AttributeSpec } from './model.ts';

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
