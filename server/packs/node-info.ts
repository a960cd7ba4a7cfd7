// A node definition → its entry in object_info, in ComfyUI's shapes (protocol: Node descriptions).
// Big integers stay bigint: server/json.ts writes them as bare numbers.
import type { Input, NodeDefinition } from '../../nodes/define-node.ts';
import type { ChoiceSources } from '../../nodes/node-context.ts';
import type { InputInfo, NodeInfo } from '../../schemas/node-info.ts';
import { choicesOf } from './choices.ts';
import type { RegisteredNode } from './registry.ts';

/** Describes a node, with the choices that its combos offer now. */
export function describeNode({ definition, module }: RegisteredNode, sources: ChoiceSources): NodeInfo {
  const { inputs, outputs, hidden = {} } = definition;
  const entries = Object.entries(inputs);
  const sections = {
    required: entries.filter(([, input]) => !input.optional),
    optional: entries.filter(([, input]) => input.optional),
  };
  const hasHidden = Object.keys(hidden).length > 0;
  const named = Object.entries(outputs);
  return {
    input: {
      required: describeInputs(sections.required, sources),
      ...(sections.optional.length > 0 && { optional: describeInputs(sections.optional, sources) }),
      ...(hasHidden && { hidden: describeHidden(hidden, sources) }),
    },
    input_order: {
      required: namesOf(sections.required),
      ...(sections.optional.length > 0 && { optional: namesOf(sections.optional) }),
      ...(hasHidden && { hidden: Object.keys(hidden) }),
    },
    is_input_list: definition.inputIsList ?? false,
    output: named.map(([, output]) => output.type),
    output_is_list: named.map(([, output]) => output.list),
    output_name: namesOf(named),
    ...(named.some(([, output]) => output.tooltip) && {
      output_tooltips: named.map(([, output]) => output.tooltip ?? ''),
    }),
    name: definition.type,
    display_name: definition.displayName,
    description: definition.description,
    category: definition.category,
    python_module: module,
    output_node: definition.outputNode ?? false,
    has_intermediate_output: definition.hasIntermediateOutput ?? false,
    ...flags(definition),
  };
}

/** Keys that object_info has only if they say something. */
const flags = ({ deprecated, experimental, searchAliases }: NodeDefinition) => ({
  ...(deprecated && { deprecated }),
  ...(experimental && { experimental }),
  ...(searchAliases && { search_aliases: [...searchAliases] }),
});

const namesOf = (entries: readonly (readonly [string, unknown])[]): string[] => entries.map(([name]) => name);

const describeInputs = (
  inputs: readonly (readonly [string, Input])[],
  sources: ChoiceSources,
): Record<string, InputInfo> =>
  Object.fromEntries(inputs.map(([name, input]) => [name, describeInput(input, sources)]));

/** What the executor adds, by its name; inputs of the node's own as any other. */
const describeHidden = (hidden: NonNullable<NodeDefinition['hidden']>, sources: ChoiceSources) =>
  Object.fromEntries(
    Object.entries(hidden).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : describeInput(value, sources),
    ]),
  );

/** One input as `[type, options]`. */
export function describeInput(input: Input, sources: ChoiceSources): InputInfo {
  const all = { ...input.options, tooltip: tooltipOf(input, sources) };
  const options = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  if (input.type !== 'COMBO') return Object.keys(options).length > 0 ? [input.type, options] : [input.type];
  const choices = [...choicesOf(input, sources)];
  return input.legacyCombo ? [choices, options] : ['COMBO', { ...options, options: choices }];
}

/** Values of a combo are plain names: what is known of the models behind them stands in the tooltip. */
function tooltipOf({ model, options }: Input, sources: ChoiceSources): string | undefined {
  const known = model && sources.describeModels?.(model);
  return known ? [options.tooltip, known].filter(Boolean).join(' ') : options.tooltip;
}
