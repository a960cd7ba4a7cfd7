// The walk: from a value back to others, one rule per node, cotangents added where a value is used twice.
import { InputError } from '../errors.ts';
import { describeNode, type Node } from '../onnx/graph.ts';
import type { StaticModel } from '../onnx/specialise.ts';
import { isFloat } from '../onnx/tensor.ts';
import type { Builder, Value } from './builder.ts';
import { add, full, sumTo } from './ops.ts';
import type { GradientRule } from './rule.ts';
import { rules, withoutGradient } from './rules.ts';

export interface BackwardOptions {
  /** The value that is differentiated. */
  readonly of: string;
  readonly wrt: readonly string[];
  /** Cotangent of `of`. */
  readonly cotangent: Value;
}

/**
 * Adds to `graph` the nodes that compute the vector-Jacobian product of `of` with respect to each of `wrt`.
 * Throws OP_WITHOUT_GRADIENT, naming op, node and model, where the path holds an op that has no rule.
 */
export function backward(model: StaticModel, graph: Builder, { of, wrt, cotangent }: BackwardOptions): Value[] {
  const onPath = pathBetween(model, new Set(wrt));
  const cotangents = new Map<string, Value>([[of, cotangent]]);
  for (const node of [...model.nodes].reverse()) {
    const gs = node.outputs.map((name) => cotangents.get(name));
    if (!gs.some(Boolean) || !node.outputs.some((name) => onPath.has(name))) continue;
    const flows = applyRule(model, graph, node, gs);
    node.inputs.forEach((name, i) => {
      const flow = flows[i];
      if (!flow || !onPath.has(name)) return;
      const undone = sumTo(flow, graph.value(name).dims);
      const before = cotangents.get(name);
      cotangents.set(name, before ? add(before, undone) : undone);
    });
  }
  return wrt.map((name) => cotangents.get(name) ?? full(graph.value(name), graph.value(name).dims, 0));
}

/** The values that depend on `from` through floats: where a gradient can flow at all. */
function pathBetween(model: StaticModel, from: ReadonlySet<string>): Set<string> {
  const reached = new Set(from);
  for (const node of model.nodes) {
    if (!node.inputs.some((name) => reached.has(name))) continue;
    for (const name of node.outputs) if (name && isFloat(model.values.get(name)!.type)) reached.add(name);
  }
  return reached;
}

function applyRule(
  model: StaticModel,
  graph: Builder,
  node: Node,
  gs: readonly (Value | undefined)[],
): ReturnType<GradientRule> {
  const key = node.domain ? `${node.domain}.${node.op}` : node.op;
  if (withoutGradient.has(key)) return [];
  const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
  if (!rule) throw withoutRule(model, node, 'has no gradient rule');
  const values = (names: readonly string[]) => names.map((name) => (name ? graph.value(name) : (undefined as never)));
  const y = values(node.outputs);
  // A node of whose first output nothing is used (Split) still gets a g: zeros.
  const g = gs[0] ?? full(y[0] ?? y.find(Boolean), y[0]?.dims ?? [], 0);
  try {
    return rule({ x: values(node.inputs), y, g, gs, node });
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
