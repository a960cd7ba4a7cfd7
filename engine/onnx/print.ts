// Model → text that a person can read, one line a node.
import { type Attribute, type Model, opsetOf } from './graph.ts';
import type { Tensor } from './tensor.ts';
import { sizeOf, toNumbers } from './tensor.ts';

/** The whole graph as text: inputs, constants, nodes (`y = Op(a, b; axis=1)`), outputs. */
export function printModel(model: Model): string {
  const lines = [`opset ${opsetOf(model)}`];
  for (const v of model.inputs) lines.push(`input ${v.name}: ${v.type} [${v.dims.join(', ')}]`);
  for (const [name, t] of model.constants) lines.push(`const ${name}: ${printTensor(t)}`);
  for (const n of model.nodes) {
    const attributes = [...n.attributes].map(([name, a]) => `${name}=${printAttribute(a)}`).join(', ');
    const op = n.domain ? `${n.domain}.${n.op}` : n.op;
    lines.push(`${n.outputs.join(', ')} = ${op}(${n.inputs.join(', ')}${attributes ? `; ${attributes}` : ''})`);
  }
  for (const v of model.outputs) lines.push(`output ${v.name}${v.type ? `: ${v.type} [${v.dims?.join(', ')}]` : ''}`);
  return lines.join('\n');
}

function printTensor(t: Tensor): string {
  const values = sizeOf(t.dims) <= 8 ? ` = ${toNumbers(t).join(' ')}` : '';
  return `${t.type} [${t.dims.join(', ')}]${values}`;
}

function printAttribute(a: Attribute): string {
  if (a.kind === 'tensor') return printTensor(a.value);
  if (a.kind === 'opaque') return '{…}';
  return Array.isArray(a.value) ? `[${a.value.join(', ')}]` : String(a.value);
}
