// The nodes' declarations → docs/nodes/: one page a node and an index. Run: npx tsx docs/generate-nodes.ts
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Input, InputOptions, NodeDefinition } from '../nodes/define-node.ts';
import { nodes } from '../nodes/index.ts';
import type { ChoiceSources } from '../nodes/node-context.ts';

const folder = fileURLToPath(new URL('nodes/', import.meta.url));

/** File name → Markdown, for every file of docs/nodes. */
export const nodePages = (): ReadonlyMap<string, string> =>
  new Map([['README.md', renderIndex()], ...nodes.map((node) => [`${node.type}.md`, renderPage(node)] as const)]);

function renderIndex(): string {
  const sections = [...groupByCategory()].map(([category, members]) =>
    [`## ${category}`, '', '| node | class | what it does |', '|---|---|---|', ...members.map(indexRow)].join('\n'),
  );
  return [
    '# Nodes',
    '',
    'Written by `npx tsx docs/generate-nodes.ts` from the declarations in `nodes/`; a test compares. Nodes that ComfyUI has too bear its class',
    'names, inputs and outputs, so that its graphs run.',
    '',
    sections.join('\n\n'),
    '',
  ].join('\n');
}

const categoryOf = ({ category }: NodeDefinition): string => category.split('/')[0];

function groupByCategory(): Map<string, NodeDefinition[]> {
  const groups = new Map<string, NodeDefinition[]>();
  for (const node of nodes) groups.set(categoryOf(node), [...(groups.get(categoryOf(node)) ?? []), node]);
  return groups;
}

const indexRow = ({ type, displayName, description }: NodeDefinition): string =>
  `| [${displayName}](${type}.md) | \`${type}\` | ${cell(description.split(/(?<=[.:]) /)[0].replace(/:$/, '.'))} |`;

function renderPage(node: NodeDefinition): string {
  const { type, displayName, category, description, inputs, outputs, outputNode } = node;
  const inputRows = Object.entries(inputs).map(([name, input]) => inputRow(name, input));
  const outputRows = Object.entries(outputs).map(
    ([name, output]) =>
      `| \`${name}\` | ${output.type}${output.list ? ', a list' : ''} | ${cell(output.tooltip ?? '')} |`,
  );
  return [
    `# ${displayName}`,
    '',
    description,
    '',
    `Class \`${type}\`, category \`${category}\`.${outputNode ? ' An output node: it runs although nothing hangs on it.' : ''}`,
    '',
    '## Inputs',
    '',
    '| input | type | default | range | what it does |',
    '|---|---|---|---|---|',
    ...inputRows,
    '',
    ...(outputRows.length > 0
      ? ['## Outputs', '', '| output | type | what it is |', '|---|---|---|', ...outputRows, '']
      : []),
    '## In a prompt graph',
    '',
    '```json',
    example(node),
    '```',
    '',
  ].join('\n');
}

const inputRow = (name: string, input: Input): string =>
  `| \`${name}\`${marksOf(input)} | ${input.type.replaceAll(',', ' or ')} | ${defaultOf(input)} | ${rangeOf(input)} | ${cell(input.options.tooltip ?? '')} |`;

const marksOf = ({ optional, options }: Input): string => {
  const marks = [optional && 'optional', options.advanced && 'advanced'].filter(Boolean);
  return marks.length > 0 ? ` (${marks.join(', ')})` : '';
};

const isWidget = ({ type, options }: Input): boolean =>
  ['STRING', 'INT', 'FLOAT', 'BOOLEAN', 'COMBO'].includes(type) && !options.forceInput;

function defaultOf(input: Input): string {
  const value = defaultValue(input);
  if (value === undefined || value === '') return '';
  return `\`${value}\``;
}

const defaultValue = ({ options, choices }: Input): unknown =>
  options.default ?? (Array.isArray(choices) ? choices[0] : undefined);

function rangeOf({ options, choices }: Input): string {
  if (Array.isArray(choices)) return choices.map((choice) => `\`${choice}\``).join(', ');
  if (choices) return 'what is there';
  const { min, max }: InputOptions = options;
  return min !== undefined && max !== undefined ? `${min} to ${max}` : '';
}

/** The node with its required inputs: widgets at their defaults, the rest linked to a node 2. */
function example({ type, inputs }: NodeDefinition): string {
  const values = Object.entries(inputs)
    .filter(([, input]) => !input.optional)
    .map(([name, input]) => [name, isWidget(input) ? sampleOf(input) : ['2', 0]]);
  const graph = { 1: { class_type: type, inputs: Object.fromEntries(values) } };
  return JSON.stringify(graph, null, 2).replace(/\[\s+"2",\s+0\s+\]/g, '["2", 0]');
}

function sampleOf({ type, options, choices }: Input): unknown {
  if (typeof choices === 'function') return choices(sampleSources)[0];
  if (choices) return options.default ?? choices[0];
  return options.default || options.placeholder || samples[type];
}

/** For widgets without a default. */
const samples: Readonly<Record<string, unknown>> = { STRING: 'a tiger', INT: 0, FLOAT: 0, BOOLEAN: false };
const SAMPLE_MODELS: Readonly<Record<string, string>> = { clip: 'pico-clip', checkpoint: 'pico-diffusion' };
const sampleSources: ChoiceSources = {
  inputImages: () => ['tiger.png'],
  models: (kind) => [SAMPLE_MODELS[kind] ?? 'name.safetensors'],
  clips: () => ['pico-clip'],
  checkpoints: () => ['pico-diffusion'],
  offersModel: () => false,
};

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** Writes the pages; pages of nodes that are gone go. */
function writePages(): void {
  mkdirSync(folder, { recursive: true });
  const pages = nodePages();
  for (const name of readdirSync(folder)) if (!pages.has(name)) rmSync(`${folder}${name}`);
  for (const [name, text] of pages) writeFileSync(`${folder}${name}`, text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writePages();
