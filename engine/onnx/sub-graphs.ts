// Nodes that hold graphs of their own (If, Loop, Scan): which values these read from outside.
import type { Node } from './graph.ts';
import { AttributeType, GraphMessage, type GraphProto } from './proto.ts';

/** Every value that a node reads: its inputs, and what its sub-graphs read from outside of them. */
export function readsOf(node: Node): readonly string[] {
  const captured = [...node.attributes.values()].flatMap((a) =>
    a.kind === 'opaque' ? freeNames(decode(a.value)) : [],
  );
  return captured.length ? [...node.inputs, ...captured] : node.inputs;
}

const decode = (bytes: Uint8Array): GraphProto => GraphMessage.decode(bytes) as unknown as GraphProto;

/** The names that a graph reads and does not define. */
function freeNames(graph: GraphProto): string[] {
  const defined = new Set([
    '',
    ...graph.input.map((i) => i.name),
    ...graph.initializer.map((t) => t.name),
    ...graph.node.flatMap((n) => n.output),
  ]);
  const inner = graph.node.flatMap((n) =>
    n.attribute.flatMap((a) => (a.type === AttributeType.GRAPH ? freeNames(decode(a.g)) : [])),
  );
  const read = [...graph.node.flatMap((n) => n.input), ...graph.output.map((o) => o.name), ...inner];
  return [...new Set(read)].filter((name) => !defined.has(name));
}
