// A prompt graph → the same graph in UI format, laid out: columns by depth, top to bottom, a note above.
import { createHash } from 'node:crypto';
import type { Input, NodeDefinition } from '../nodes/define-node.ts';
import type { ApiGraph, ApiNode, Link } from '../schemas/prompt.ts';
import type { UiGraph04, UiLink, UiNode } from '../schemas/template.ts';
import { type Definitions, extraEntry, inputsInOrder, isWidget } from '../server/saved-graph/ui-graph.ts';

const WIDTH = 340;
const GAP = { x: 90, y: 70 };
const TOP = 220;
const LEFT = 40;
/** Heights in the front end's pixels: title and margin, a socket, a widget, a text field, a picture. */
const HEIGHT = { frame: 30, socket: 22, widget: 26, text: 100, picture: 260 };
const SHOWS_PICTURE = ['LoadImage', 'PreviewImage', 'SaveImage'];
const SHOWS_TEXT = ['PreviewAny', 'PEZInvert', 'PromptBlend', 'TokenSwap', 'DistilPrompt', 'PEZRerank'];

const isLink = (value: unknown): value is Link => Array.isArray(value) && value.length === 2;

function definitionOf({ class_type: type }: ApiNode, definitions: Definitions): NodeDefinition {
  const found = definitions.get(type);
  if (!found) throw new Error(`there is no node class ${type}`);
  return found.definition;
}

/** Length of the longest path to each node from a node without links. */
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

/** A uuid that depends on the name only. */
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

/** The graph with every widget that it leaves out set to its default, as the front end would send it. */
export function withDefaults(graph: ApiGraph, definitions: Definitions): ApiGraph {
  return Object.fromEntries(
    Object.entries(graph).map(([id, node]) => {
      const definition = definitionOf(node, definitions);
      const title = node._meta?.title ?? definition.displayName;
      const inputs = { ...defaultsOf(definition), ...node.inputs };
      return [id, { inputs, class_type: node.class_type, _meta: { title } }];
    }),
  );
}

interface LayoutOptions {
  /** Of the template: its uuid follows from it. */
  readonly name: string;
  /** A complete prompt graph (`withDefaults`); ids must be integers as text. */
  readonly graph: ApiGraph;
  /** Markdown that stands above the graph. */
  readonly note: string;
  readonly definitions: Definitions;
}

/** Lays a prompt graph out in UI format. */
export function layOut({ name, graph, note, definitions }: LayoutOptions): UiGraph04 {
  const links = linksOf(graph, definitions);
  const frames = framesOf(graph, definitions);
  const nodes = Object.entries(graph).map(([id, node], order) =>
    uiNode({ id, node, definition: definitionOf(node, definitions), frame: frames.get(id)!, order, links }),
  );
  const noteId = Math.max(...nodes.map((node) => Number(node.id))) + 1;
  return {
    id: uuidOf(name),
    revision: 0,
    last_node_id: noteId,
    last_link_id: links.length,
    nodes: [...nodes, noteNode({ id: noteId, order: nodes.length, text: note })],
    links,
    groups: [],
    config: {},
    extra: { ds: { scale: 0.8, offset: [40, 80] } },
    version: 0.4,
  };
}

/** Inputs that the front end draws as sockets: those without a widget, and widgets that a link feeds. */
function socketsOf(node: ApiNode, definition: NodeDefinition): [name: string, input: Input][] {
  return inputsInOrder(definition).filter(([name, input]) => !isWidget(input) || isLink(node.inputs[name]));
}

/** Every link, numbered from 1: `[id, source, output, target, socket, type]`. */
function linksOf(graph: ApiGraph, definitions: Definitions): UiLink[] {
  const links: UiLink[] = [];
  for (const [id, node] of Object.entries(graph)) {
    for (const [slot, [name]] of socketsOf(node, definitionOf(node, definitions)).entries()) {
      const value = node.inputs[name];
      if (!isLink(value)) continue;
      const [source, output] = value;
      const { type } = Object.values(definitionOf(graph[source], definitions).outputs)[output];
      links.push([links.length + 1, Number(source), output, Number(id), slot, type]);
    }
  }
  return links;
}

type Frame = Pick<UiNode, 'pos' | 'size'>;

/** Where each node lies: in the column of its depth, below the nodes before it. */
function framesOf(graph: ApiGraph, definitions: Definitions): Map<string, Frame> {
  const depth = depths(graph);
  const columnEnd: number[] = [];
  return new Map(
    Object.entries(graph).map(([id, node]) => {
      const column = depth.get(id)!;
      const y = columnEnd[column] ?? TOP;
      const height = heightOf(definitionOf(node, definitions), node.inputs);
      columnEnd[column] = y + height + GAP.y;
      return [id, { pos: [LEFT + column * (WIDTH + GAP.x), y], size: [WIDTH, height] }];
    }),
  );
}

interface NodeToDraw {
  readonly id: string;
  readonly node: ApiNode;
  readonly definition: NodeDefinition;
  readonly frame: Frame;
  readonly order: number;
  readonly links: readonly UiLink[];
}

function uiNode({ id, node, definition, frame, order, links }: NodeToDraw): UiNode {
  const linkInto = (slot: number) => links.find((link) => link[3] === Number(id) && link[4] === slot)?.[0] ?? null;
  const linksFrom = (slot: number) => links.filter((link) => link[1] === Number(id) && link[2] === slot);
  return {
    id: Number(id),
    type: node.class_type,
    title: node._meta?.title,
    pos: frame.pos,
    size: frame.size,
    flags: {},
    order,
    mode: 0,
    inputs: socketsOf(node, definition).map(([name, input], slot) => ({
      name,
      type: input.type,
      link: linkInto(slot),
      ...(isWidget(input) && { widget: { name } }),
    })),
    outputs: Object.entries(definition.outputs).map(([name, { type }], slot) => {
      const ids = linksFrom(slot).map(([link]) => link);
      return { name, type, links: ids.length > 0 ? ids : null, slot_index: slot };
    }),
    properties: { 'Node name for S&R': node.class_type },
    widgets_values: widgetValues(node, definition),
  };
}

/** A value per widget, followed by what belongs to it; a widget that a link feeds has its default. */
function widgetValues(node: ApiNode, definition: NodeDefinition): unknown[] {
  const defaults = defaultsOf(definition);
  return inputsInOrder(definition)
    .filter(([, input]) => isWidget(input))
    .flatMap(([name, input]) => {
      const value = node.inputs[name];
      return [isLink(value) ? defaults[name] : value, ...extraEntry(name, input)];
    });
}

function noteNode({ id, order, text }: { id: number; order: number; text: string }): UiNode {
  return {
    id,
    type: 'MarkdownNote',
    title: 'What this does',
    pos: [LEFT, 0],
    size: [2 * WIDTH + GAP.x, TOP - GAP.y],
    flags: {},
    order,
    mode: 0,
    inputs: [],
    outputs: [],
    properties: {},
    widgets_values: [text],
  };
}
