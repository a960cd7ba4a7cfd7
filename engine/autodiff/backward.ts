// The walk: from a value back to others, one rule per node, cotangents added where a value is used twice. A gradient that is
// missing is an error: what comes out as zero is zero because a value is not used, or because a rule says so and why.
import { InputError } from '../errors.ts';
import { describeNode, type Node } from '../onnx/graph.ts';
import type { StaticModel } from '../onnx/specialise.ts';
import { readsOf } from '../onnx/sub-graphs.ts';
import { isFloat } from '../onnx/tensor.ts';
import type { Builder, Value } from './builder.ts';
import { add, full, sumTo } from './ops.ts';
import { type Flow, type GradientRule, type NoGradient, noGradient } from './rule.ts';
import { withoutGradient } from './rules.ts';

export interface BackwardOptions {
  /** The value that is differentiated. */
  readonly of: string;
  readonly wrt: readonly string[];
  /** Cotangent of `of`. */
  readonly cotangent: Value;
  /** Op → its rule. */
  readonly table: Readonly<Record<string, GradientRule>>;
}

/**
 * Adds to `graph` the nodes that compute the vector-Jacobian product of `of` with respect to each of `wrt`.
 * Throws OP_WITHOUT_GRADIENT, naming op, node and model, if the path holds an op without a rule, or if a rule does not cover
 * an input or output that lies on the path.
 */
export function backward(model: StaticModel, graph: Builder, { of, wrt, cotangent, table }: BackwardOptions): Value[] {
  const needed = valuesNeededBy(model, of);
  const differentiable = dependentThroughFloats(model, wrt);
  const cotangents = new Map<string, Value>([[of, cotangent]]);
  const receive = (name: string, flow: Value) => {
    const undone = sumTo(flow, graph.value(name).dims);
    const before = cotangents.get(name);
    cotangents.set(name, before ? add(before, undone) : undone);
  };
  for (const node of [...model.nodes].reverse()) {
    const onPath = readsOf(node).some((name) => differentiable.has(name));
    if (!onPath || !node.outputs.some((name) => needed.has(name))) continue;
    const rule = ruleOf(model, node, table); // also of an op that gives integers: rounding may be what loses the gradient
    const gs = node.outputs.map((name) => cotangents.get(name));
    if (!gs.some(Boolean)) continue;
    const flows = applyRule(model, graph, node, { rule, gs });
    for (const [i, name] of node.inputs.entries()) {
      const flow = flows[i];
      if (!differentiable.has(name) || isZero(flow)) continue;
      if (!flow) throw withoutRule(model, node, `has no gradient rule for its input ${i + 1} ("${name}")`);
      receive(name, flow);
    }
  }
  return wrt.map((name) => cotangents.get(name) ?? full(graph.value(name), graph.value(name).dims, 0));
}

const isZero = (flow: Flow): flow is NoGradient => flow !== null && 'noGradient' in flow;

/** The values that depend on `from` through floats: where a gradient can flow at all. */
function dependentThroughFloats(model: StaticModel, from: readonly string[]): Set<string> {
  const reached = new Set(from);
  for (const node of model.nodes) {
    if (!readsOf(node).some((name) => reached.has(name))) continue;
    for (const name of node.outputs) if (name && isFloat(model.values.get(name)!.type)) reached.add(name);
  }
  return reached;
}

/** The values that `of` is computed from, itself included. */
function valuesNeededBy(model: StaticModel, of: string): Set<string> {
  const needed = new Set([of]);
  for (const node of [...model.nodes].reverse())
    if (node.outputs.some((name) => needed.has(name))) for (const name of readsOf(node)) needed.add(name);
  return needed;
}

/** The rule of a node's op. Ops whose gradient is zero have one, too. */
function ruleOf(model: StaticModel, node: Node, table: Readonly<Record<string, GradientRule>>): GradientRule {
  const key = node.domain ? `${node.domain}.${node.op}` : node.op;
  const reason = withoutGradient.get(key);
  if (reason !== undefined) return ({ x }) => x.map(() => noGradient(reason));
  if (!Object.hasOwn(table, key)) throw withoutRule(model, node, 'has no gradient rule');
  return table[key];
}

function applyRule(
  model: StaticModel,
  graph: Builder,
  node: Node,
  { rule, gs }: { rule: GradientRule; gs: readonly (Value | undefined)[] },
): readonly Flow[] {
  const later = gs.findIndex((g, i) => i > 0 && g !== undefined);
  if (later > 0 && !rule.everyOutput)
    throw withoutRule(model, node, `has no gradient rule for its output ${later + 1} ("${node.outputs[later]}")`);
  const values = (names: readonly string[]) => names.map((name) => (name ? graph.value(name) : (undefined as never)));
  const y = values(node.outputs);
  // Only a rule for every output meets a node of whose first output nothing is used.
  const g = gs[0] ?? (undefined as never);
  try {
    const flows = rule({ x: values(node.inputs), y, g, gs, node });
    if (flows.length === node.inputs.length) return flows;
    throw new RangeError(`its rule knows ${flows.length} of its ${node.inputs.length} inputs`);
  } catch (error) {
    if (error instanceof RangeError) throw withoutRule(model, node, error.message);
    throw error;
  }
}

const withoutRule = (model: StaticModel, node: Node, why: string): InputError =>
  new InputError(
    'OP_WITHOUT_GRADIENT',
    `${describeNode(node)} in ${model.source} lies between the inputs and the loss, and ${why}.`,
  );
