// A prompt graph → the same graph in UI format, laid out: columns by depth, top to bottom, a note above.
import { createHash } from 'node:crypto';
import type { NodeDefinition } from '../nodes/define-node.ts';
import type { ApiGraph, Link } from '../schemas/prompt.ts';
import type { UiGraph04, UiLink, UiNode } from '../schemas/template.ts';
import { type Definitions, extraEntry, inputsInOrder, isWidget } from '../server/saved-graph/ui-graph.ts';

const WIDTH = 340;
const GAP = { x: 90, y: 70 };
const TOP = 220;
/** Heights in the front end's pixels: title and margin, a socket, a widget, a text field, a picture. */
const HEIGHT = { frame: 30, socket: 22, widget: 26, text: 100, picture: 260 };
const SHOWS_PICTURE = ['LoadImage', 'PreviewImage', 'SaveImage'];
const SHOWS_TEXT = ['PreviewAny', 'PEZInvert', 'PromptBlend', 'TokenSwap', 'DistilPrompt', 'PEZRerank'];

const isLink = (value: unknown): value is Link => Array.isArray(value) && value.length === 2;

/** Longest way from a node without links. */
function depths(graph: ApiGraph): Map<string, number> {
  const known = new Map<string, number>();
  const depth = (id: string): number => {
    const before = known.get(id);
    if (before !== undefined) return before;
    const sources = Object.values(graph[id].inputs).filter(isLink);
    const value = Math.max(-1, ...sources.map(([source]) => depth(source))) + 1;
    known.set(id, value);
    return value;
  };
  for (const id of Object.keys(graph)) depth(id);
  return known;
}

function heightOf(definition: NodeDefinition, inputs: Readonly<Record<string, unknown>>): number {
  const all = inputsInOrder(definition);
  const widgets = all.filter(([, input]) => isWidget(input));
  const sockets = all.filter(([name, input]) => !isWidget(input) || isLink(inputs[name])).length;
  const slots = Math.max(sockets, Object.keys(definition.outputs).length);
  const fields = widgets.map(([name, input]) => {
    if (input.options.multiline) return HEIGHT.text;
    return HEIGHT.widget * (1 + extraEntry(name, input).length);
  });
  const shown =
    (SHOWS_PICTURE.includes(definition.type) ? HEIGHT.picture : 0) +
    (SHOWS_TEXT.includes(definition.type) ? HEIGHT.text : 0);
  return HEIGHT.frame + slots * HEIGHT.socket + fields.reduce((sum, h) => sum + h, 0) + shown;
}

/** A uuid that stays the same for a name. */
function uuidOf(name: string): string {
  const hex = createHash('sha256').update(`pez-nodes/${name}`).digest('hex');
  const variant = '89ab'[Number.parseInt(hex[16], 16) % 4];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const defaultsOf = (definition: NodeDefinition): Record<string, unknown> =>
  Object.fromEntries(
    inputsInOrder(definition)
      .filter(([, input]) => isWidget(input))
      .map(([name, { type, options, choices }]) => {
        const first = Array.isArray(choices) ? choices[0] : '';
        const fallback = { INT: 0, FLOAT: 0, BOOLEAN: false, COMBO: first }[type] ?? '';
        return [name, options.default ?? fallback];
      }),
  );

/** The graph with every widget that it leaves out at its default, as the front end would send it. */
export function withDefaults(graph: ApiGraph, definitions: Definitions): ApiGraph {
  return Object.fromEntries(
    Object.entries(graph).map(([id, node]) => {
      const found = definitions.get(node.class_type);
      if (!found) throw new Error(`node ${id}: there is no class ${node.class_type}`);
      const title = node._meta?.title ?? found.definition.displayName;
      const inputs = { ...defaultsOf(found.definition), ...node.inputs };
      return [id, { inputs, class_type: node.class_type, _meta: { title } }];
    }),
  );
}

/** Lays a complete prompt graph out. Ids must be integers as text; `note` stands above the graph. */
export function layOut(name: string, graph: ApiGraph, note: string, definitions: Definitions): UiGraph04 {
  const depth = depths(graph);
  const links: UiLink[] = [];
  const columnEnd: number[] = [];
  const nodes = Object.entries(graph).map(([id, node], order): UiNode => {
    const { definition } = definitions.get(node.class_type)!;
    const named = inputsInOrder(definition);
    const sockets = named.filter(
      ([input, { type }]) => !isWidget(definition.inputs[input]) || (type && isLink(node.inputs[input])),
    );
    const inputs = sockets.map(([input, declared], slot) => {
      const value = node.inputs[input];
      let link: number | null = null;
      if (isLink(value)) {
        const [source, output] = value;
        const given = Object.values(definitions.get(graph[source].class_type)!.definition.outputs)[output];
        link = links.length + 1;
        links.push([link, Number(source), output, Number(id), slot, given.type]);
      }
      return { name: input, type: declared.type, link, ...(isWidget(declared) && { widget: { name: input } }) };
    });
    const defaults = defaultsOf(definition);
    const values = named
      .filter(([, input]) => isWidget(input))
      .flatMap(([input, declared]) => {
        const value = node.inputs[input];
        return [isLink(value) ? defaults[input] : value, ...extraEntry(input, declared)];
      });
    const column = depth.get(id)!;
    const y = columnEnd[column] ?? TOP;
    const height = heightOf(definition, node.inputs);
    columnEnd[column] = y + height + GAP.y;
    return {
      id: Number(id),
      type: node.class_type,
      title: node._meta?.title,
      pos: [40 + column * (WIDTH + GAP.x), y],
      size: [WIDTH, height],
      flags: {},
      order,
      mode: 0,
      inputs,
      outputs: Object.entries(definition.outputs).map(([output, { type }], slot) => ({
        name: output,
        type,
        links: null,
        slot_index: slot,
      })),
      properties: { 'Node name for S&R': node.class_type },
      widgets_values: values,
    };
  });
  for (const [id, source, slot] of links) {
    const output = nodes.find((n) => n.id === source)!.outputs![slot];
    output.links = [...(output.links ?? []), id];
  }
  const noteId = Math.max(...nodes.map((n) => Number(n.id))) + 1;
  nodes.push({
    id: noteId,
    type: 'MarkdownNote',
    title: 'What this does',
    pos: [40, 0],
    size: [2 * WIDTH + GAP.x, TOP - GAP.y],
    flags: {},
    order: nodes.length,
    mode: 0,
    inputs: [],
    outputs: [],
    properties: {},
    widgets_values: [note],
  });
  return {
    id: uuidOf(name),
    revision: 0,
    last_node_id: noteId,
    last_link_id: links.length,
    nodes,
    links,
    groups: [],
    config: {},
    extra: { ds: { scale: 0.8, offset: [40, 80] } },
    version: 0.4,
  };
}
