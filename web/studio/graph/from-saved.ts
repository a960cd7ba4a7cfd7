// A template as the server has it (a saved graph) → the graph in API format, which can be run.
import type { ApiGraph } from '../../../schemas/prompt.ts';
import type { UiGraph04, UiNode } from '../../../schemas/template.ts';
import { extraEntries, isWidget, type ObjectInfo, slotsOf } from './slots.ts';

const NOTES = ['Note', 'MarkdownNote'];

/** Throws an Error that names a class which this server does not have. */
export function fromSaved(saved: UiGraph04, info: ObjectInfo): ApiGraph {
  const links = new Map(saved.links.map(([id, source, output]) => [id, [String(source), output] as const]));
  const nodes = saved.nodes.filter(({ type }) => !NOTES.includes(type));
  return Object.fromEntries(
    nodes.map((node) => {
      const inputs: Record<string, unknown> = widgetsOf(node, info);
      for (const { name, link } of node.inputs ?? []) {
        const source = typeof link === 'number' ? links.get(link) : undefined;
        if (source) inputs[name] = [...source];
      }
      const title = node.title ?? info[node.type].display_name;
      return [String(node.id), { class_type: node.type, inputs, _meta: { title } }];
    }),
  );
}

function widgetsOf(node: UiNode, info: ObjectInfo): Record<string, unknown> {
  const described = info[node.type];
  if (!described) throw new Error(`This server has no node ${node.type}.`);
  const values = Array.isArray(node.widgets_values) ? node.widgets_values : [];
  const inputs: Record<string, unknown> = {};
  let at = 0;
  for (const slot of slotsOf(described).filter(isWidget)) {
    if (at < values.length) inputs[slot.name] = values[at];
    at += 1 + extraEntries(slot);
  }
  return inputs;
}
