// Definitions and translations → locales/<language>/nodeDefs.json, as ComfyUI's front end reads it.
import type { NodeDefinition } from '../../nodes/define-node.ts';
import { languages, nodeDescriptions, nodeNames, slotNames } from './translations.ts';

/** Path inside comfyui/ → JSON. Throws an Error that names a node or slot without translation. */
export const localeFiles = (definitions: readonly NodeDefinition[]): Map<string, unknown> =>
  new Map(
    languages.map((language, at) => [
      `locales/${language}/nodeDefs.json`,
      Object.fromEntries(definitions.map((definition) => [definition.type, nodeTexts(definition, at)])),
    ]),
  );

function nodeTexts({ type, description, inputs, outputs }: NodeDefinition, at: number) {
  const names = nodeNames[type];
  if (!names || !nodeDescriptions[type]) throw new Error(`comfyui/generate/translations.ts has no row for ${type}`);
  return {
    display_name: names[at],
    description: nodeDescriptions[type][at] ?? description,
    inputs: Object.fromEntries(Object.keys(inputs).map((name) => [name, { name: slotName(name, at) }])),
    outputs: Object.fromEntries(Object.keys(outputs).map((name, index) => [index, { name: slotName(name, at) }])),
  };
}

function slotName(name: string, at: number): string {
  const [, stem, number = ''] = /^(.*?)(\d*)$/.exec(name) ?? [];
  const row = slotNames[name] ?? slotNames[`${stem}#`];
  if (!row) throw new Error(`comfyui/generate/translations.ts has no row for ${name}`);
  return row[at].replace('#', number);
}
