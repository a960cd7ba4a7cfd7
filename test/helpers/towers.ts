// The tiny text towers of test/fixtures/towers with what PyTorch says of their gradients (training/fixtures).
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface ArrayFixture {
  readonly dims: number[];
  readonly data: number[];
}

export interface TowerCase {
  readonly name: string;
  readonly inputs: Readonly<Record<string, ArrayFixture>>;
  readonly nextIds?: ArrayFixture;
  readonly embedding?: ArrayFixture;
  readonly similarity: ArrayFixture;
  readonly inputsEmbeds: ArrayFixture;
  readonly gradient: ArrayFixture;
}

export interface Tower {
  readonly tower: string;
  readonly path: string;
  readonly output: string;
  readonly loss: 'cosine' | 'log-likelihood';
  readonly causal: boolean;
  readonly contextLength: number;
  readonly startId: number | null;
  readonly endId: number | null;
  readonly padId: number | null;
  readonly target?: ArrayFixture;
  readonly shortEqualsPadded: boolean;
  readonly cases: TowerCase[];
}

const folder = fileURLToPath(new URL('../fixtures/towers/', import.meta.url));

/** Names of all towers that come with a model. */
export const towerNames = (): string[] =>
  readdirSync(folder).filter((name) => readdirSync(folder + name).includes('model.onnx'));

/** A tower by name. */
export function readTower(name: string): Tower {
  const meta = JSON.parse(readFileSync(`${folder}${name}/gradient.json`, 'utf8'));
  return { ...meta, path: `${folder}${name}/model.onnx` };
}

/** Largest difference relative to the largest magnitude of `expected`. */
export function relativeError(actual: ArrayLike<number>, expected: readonly number[]): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(value - actual[i]))) / largest;
}
