// What a gradient rule is: the values around a node and the cotangents of its outputs → what flows back to its inputs.
import type { Node } from '../onnx/graph.ts';
import type { Value } from './builder.ts';

export interface RuleArguments {
  /** Forward inputs; one that is left out is undefined. */
  readonly x: readonly Value[];
  /** Forward outputs. */
  readonly y: readonly Value[];
  /** Cotangent of the first output. */
  readonly g: Value;
  /** Cotangents of all outputs (undefined: nothing depends on that one); for rules marked with `everyOutput`. */
  readonly gs: readonly (Value | undefined)[];
  readonly node: Node;
}

/** A gradient that is zero, and why. */
export interface NoGradient {
  readonly noGradient: string;
}

/**
 * What flows back to one input: a value; a zero with its reason; or null for an input that is left out or that is not a
 * float (indices, shapes). A null for a float input is a missing gradient, and an error.
 */
export type Flow = Value | NoGradient | null;

/**
 * Gives one flow for each input of the node. A flow may be larger than its input: the walk undoes broadcasting. Throws
 * RangeError with half a sentence ("its axes are computed, not constant") for what it does not cover.
 */
export interface GradientRule {
  (args: RuleArguments): readonly Flow[];
  /** The rule takes cotangents of outputs other than the first into account. */
  readonly everyOutput?: true;
}

/** A flow that is zero: `noGradient('is constant between its steps')`. */
export const noGradient = (reason: string): NoGradient => ({ noGradient: reason });

/** Marks a rule that covers all outputs of its node through `gs`. Without the mark a cotangent of a later output is an error. */
export const everyOutput = (rule: GradientRule): GradientRule => Object.assign(rule, { everyOutput: true as const });

/** `null` for each of the inputs from the second on: they are indices, shapes or axes. */
export const rest = (x: readonly Value[]): null[] => x.slice(1).map(() => null);
