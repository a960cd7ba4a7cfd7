// The nodes' declarations → the files of comfyui/ that follow from them. Run: npx tsx comfyui/generate/main.ts
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { nodes } from '../../nodes/index.ts';
import type { ChoiceSources } from '../../nodes/node-context.ts';
import { describeNode } from '../../server/packs/node-info.ts';
import { helpPage } from './help.ts';
import { localeFiles } from './locales.ts';
import { nodeNames } from './translations.ts';
import { workflowFiles } from './workflows.ts';

const definitions = nodes.filter(({ type }) => type in nodeNames);
/** None of these nodes has a list of files or models. */
const noSources: ChoiceSources = {
  inputImages: () => [],
  models: () => [],
  clips: () => [],
  checkpoints: () => [],
  offersModel: () => false,
};

/** Path inside comfyui/ → the text that belongs there. */
export function packFiles(): Map<string, string> {
  const table = definitions.map((definition) => [
    definition.type,
    describeNode({ definition, module: 'nodes' }, noSources),
  ]);
  const json = new Map<string, unknown>([
    ['pez_nodes/nodes.json', Object.fromEntries(table)],
    ...localeFiles(definitions),
    ...workflowFiles(nodes),
  ]);
  return new Map([
    ...[...json].map(([path, value]) => [path, toJson(value)] as const),
    ...definitions.map((definition) => [`web/docs/${definition.type}.md`, helpPage(definition)] as const),
  ]);
}

/** Indented, with integers beyond 2^53 as they are. */
const toJson = (value: unknown): string => {
  const text = JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `bigint:${v}` : v), 2);
  return `${text.replace(/"bigint:(\d+)"/g, '$1')}\n`;
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const folder = fileURLToPath(new URL('..', import.meta.url));
  for (const [path, text] of packFiles()) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}
