// A half-precision model → the same model in float32: nothing is widened step by step, and nothing is rounded.
import type { Attribute, Model, Node } from './graph.ts';
import { elementCode, type Tensor, tensor, toFloat32 } from './tensor.ts';

/** float16 constants and casts become float32, casts that then do nothing go. Inputs keep their type. */
export function widenHalves(model: Model): Model {
  const constants = new Map([...model.constants].map(([name, t]) => [name, widen(t)]));
  const outputs = model.outputs.map((o) => (o.type === 'float16' ? { name: o.name } : o));
  const isIdle = (node: Node) => {
    const to = node.attributes.get('to');
    const from = constants.get(node.inputs[0]);
    if (node.op !== 'Cast' || from?.type !== 'float32' || to?.value !== elementCode('float32')) return false;
    constants.set(node.outputs[0], from);
    return true;
  };
  return { ...model, constants, outputs, nodes: model.nodes.map(widenNode).filter((node) => !isIdle(node)) };
}

const widen = (t: Tensor): Tensor => (t.type === 'float16' ? tensor('float32', t.dims, toFloat32(t)) : t);

function widenNode(node: Node): Node {
  const attributes = [...node.attributes].map(([name, a]): [string, Attribute] => {
    if (a.kind === 'tensor') return [name, { ...a, value: widen(a.value) }];
    const toHalf = name === 'to' && a.kind === 'int' && a.value === elementCode('float16');
    return [name, toHalf ? { kind: 'int', value: elementCode('float32') } : a];
  });
  return { ...node, attributes: new Map(attributes) };
}
