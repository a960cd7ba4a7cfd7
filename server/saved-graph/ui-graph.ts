// Graphs in UI format (as ComfyUI's front end saves them) ↔ API format: which widget is which (protocol: Saved graphs).
import type { Input, NodeDefinition } from '../../nodes/define-node.ts';
import type { ApiGraph } from '../../schemas/prompt.ts';
import type { UiGraph04, UiNode } from '../../schemas/template.ts';
import { createSourceOf, isVirtual } from './ui-links.ts';

const WIDGET_TYPES = ['INT', 'FLOAT', 'STRING', 'BOOLEAN', 'COMBO'];
const NOTES = ['Note', 'MarkdownNote'];
const MUTED = 2;

export type Definitions = ReadonlyMap<string, { readonly definition: NodeDefinition }>;

/** Inputs of a node as the front end shows them: the required ones first. */
export function inputsInOrder({ inputs }: NodeDefinition): [name: string, input: Input][] {
  const entries = Object.entries(inputs);
  return [...entries.filter(([, i]) => !i.optional), ...entries.filter(([, i]) => i.optional)];
}

/** Whether an input has a field of its own, so that it needs no link. */
export const isWidget = ({ type, options }: Input): boolean => WIDGET_TYPES.includes(type) && !options.forceInput;

/** The entry of widgets_values that follows a widget's value: the button or the choice that belongs to it. */
export function extraEntry(name: string, { type, options }: Input): readonly string[] {
  const isSeed = type === 'INT' && ['seed', 'noise_seed'].includes(name);
  if (options.control_after_generate ?? isSeed) return ['fixed'];
  return options.image_upload ? ['image'] : [];
}

function widgetValues(node: UiNode, definition: NodeDefinition): Record<string, unknown> {
  const values = node.widgets_values ?? [];
  if (!Array.isArray(values)) return { ...values };
  const result: Record<string, unknown> = {};
  let at = 0;
  for (const [name, input] of inputsInOrder(definition)) {
    if (!isWidget(input)) continue;
    if (at < values.length) result[name] = values[at];
    at += 1 + extraEntry(name, input).length;
  }
  return result;
}

/** A literal that is a list, wrapped so that it is not taken for a link. */
const literal = (value: unknown): unknown => (Array.isArray(value) ? { __value__: value } : value);

/**
 * The prompt graph of a saved graph: widget values and links by input name. Notes and muted nodes are left out; links are followed
 * through reroutes and bypassed nodes. Throws an Error that names what cannot be converted: unknown classes, subgraphs.
 */
export function toApiGraph(ui: UiGraph04, definitions: Definitions): ApiGraph {
  const sourceOf = createSourceOf(ui);
  const nodes = ui.nodes.filter((node) => !NOTES.includes(node.type) && node.mode !== MUTED && !isVirtual(node));
  const present = new Set(nodes.map(({ id }) => String(id)));
  const subgraphs = new Set(ui.definitions?.subgraphs?.map(({ id }) => id));
  const entries = nodes.map((node): [string, ApiGraph[string]] => {
    if (subgraphs.has(node.type)) throw new Error(`node ${node.id} is a subgraph: save the graph in API format`);
    const definition = definitions.get(node.type)?.definition;
    if (!definition) throw new Error(`node ${node.id}: there is no class ${node.type} here`);
    const inputs = Object.fromEntries(
      Object.entries(widgetValues(node, definition)).map(([name, value]) => [name, literal(value)]),
    );
    for (const { name, link } of node.inputs ?? []) {
      const source = typeof link === 'number' ? sourceOf(link) : undefined;
      if (!source) continue;
      if ('value' in source) inputs[name] = literal(source.value);
      else if (present.has(source.link[0])) inputs[name] = source.link;
      else delete inputs[name];
    }
    const title = node.title ?? definition.displayName;
    return [String(node.id), { inputs, class_type: node.type, _meta: { title } }];
  });
  return Object.fromEntries(entries);
}
