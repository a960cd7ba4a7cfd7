// What a gradient rule is: the values around a node and the cotangents of its outputs → what flows back to its inputs.
import type { Node } from '../onnx/graph.ts';
import type { Value } from './builder.ts';

export interface RuleArguments {
  readonly x: readonly Value[];
  readonly y: readonly Value[];
  readonly g: Value;
  readonly gs: readonly (Value | undefined)[];
  readonly node: Node;
}

export type GradientRule = (args: RuleArguments) => readonly (Value | null)[];
