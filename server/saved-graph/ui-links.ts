// A link of a saved graph → its source, past the nodes that only the front end knows: reroutes, bypassed nodes, its primitives.
import type { Link } from '../../schemas/prompt.ts';
import type { UiGraph04, UiNode } from '../../schemas/template.ts';

const REROUTE = 'Reroute';
const PRIMITIVE = 'PrimitiveNode';
const BYPASSED = 4;

/** A node's output, a primitive's value, or nothing. */
export type Source = { readonly link: Link } | { readonly value: unknown } | undefined;

/** Nodes that pass on or hold values in the front end and never run. */
export const isVirtual = ({ type, mode }: UiNode): boolean =>
  type === REROUTE || type === PRIMITIVE || mode === BYPASSED;

/** A function from the id of a link to its source. */
export function createSourceOf(ui: UiGraph04): (link: number) => Source {
  const links = new Map(ui.links.map((link) => [link[0], link]));
  const nodes = new Map(ui.nodes.map((node) => [String(node.id), node]));
  const follow = (id: number, passed: readonly number[]): Source => {
    const link = links.get(id);
    const node = link && nodes.get(String(link[1]));
    if (!node || passed.includes(id)) return undefined;
    if (!isVirtual(node)) return { link: [String(node.id), link[2]] };
    if (node.type === PRIMITIVE) return primitiveValue(node);
    const next = handedOn(node, link[2]);
    return typeof next === 'number' ? follow(next, [...passed, id]) : undefined;
  };
  return (link) => follow(link, []);
}

const primitiveValue = ({ widgets_values: values }: UiNode): Source =>
  Array.isArray(values) && values.length > 0 ? { value: values[0] } : undefined;

/** The link into the input that a virtual node passes on to an output: the input of the same index if its type fits, else the first of that type. */
function handedOn({ type, inputs = [], outputs = [] }: UiNode, slot: number): number | null | undefined {
  if (type === REROUTE) return inputs[0]?.link;
  const wanted = outputs[slot]?.type;
  const fits = (input: (typeof inputs)[number] | undefined) => input?.type === wanted || input?.type === '*';
  const beside = inputs[slot];
  return (fits(beside) ? beside : inputs.find(fits))?.link;
}
