// A model with weights in half precision → the same model in float32: nothing is widened step by step, and nothing is rounded.
import type { Attribute, Model, Node } from './graph.ts';
import { isNarrow } from './half-bits.ts';
import { type ElementType, elementCode, storedTensor, type Tensor, tensor, toFloat32 } from './tensor.ts';

const HALVES: readonly ElementType[] = ['float16', 'bfloat16'];
const HALF_CODES: readonly unknown[] = HALVES.map(elementCode);
const FLOAT = elementCode('float32');

/**
 * Constants and casts of float16 and bfloat16 become float32, and casts that then do nothing go. So do constants of 8-bit floats that are only cast or
 * looked up in; quantised models that scale theirs are left alone. Inputs keep their type.
 */
export function widenHalves(model: Model): Model {
  const scaled = new Set(model.nodes.filter(({ op }) => op !== 'Cast' && op !== 'Gather').flatMap((n) => n.inputs));
  const constants = new Map(
    [...model.constants].map(([name, t]) => [name, HALVES.includes(t.type) || !scaled.has(name) ? widen(t) : t]),
  );
  const outputs = model.outputs.map((o) => (o.type && HALVES.includes(o.type) ? { name: o.name } : o));
  const isIdle = (node: Node) => {
    const to = node.attributes.get('to');
    const from = constants.get(node.inputs[0]);
    if (node.op !== 'Cast' || from?.type !== 'float32' || to?.value !== FLOAT) return false;
    constants.set(node.outputs[0], from);
    return true;
  };
  return { ...model, constants, outputs, nodes: model.nodes.map(widenNode).filter((node) => !isIdle(node)) };
}

function widen(t: Tensor): Tensor {
  if (!isNarrow(t.type)) return t;
  const wide = () => tensor('float32', t.dims, toFloat32(t));
  return t.stored ? storedTensor({ type: 'float32', dims: t.dims }, t.stored, () => wide().bytes) : wide();
}

function widenNode(node: Node): Node {
  const attributes = [...node.attributes].map(([name, a]): [string, Attribute] => {
    if (a.kind === 'tensor') return [name, HALVES.includes(a.value.type) ? { ...a, value: widen(a.value) } : a];
    const toHalf = name === 'to' && a.kind === 'int' && HALF_CODES.includes(a.value);
    return [name, toHalf ? { kind: 'int', value: FLOAT } : a];
  });
  return { ...node, attributes: new Map(attributes) };
}
