// Writes templates/*.json (UI format) and templates/api/*.json from the presets: `npx tsx templates/generate.ts`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { nodes } from '../nodes/index.ts';
import { layOut, withDefaults } from './layout.ts';
import { presets } from './presets.ts';

const definitions = new Map(nodes.map((definition) => [definition.type, { definition }]));

/** Path inside templates/ → the JSON that belongs there. */
export function generateTemplates(): Map<string, unknown> {
  const files = new Map<string, unknown>();
  for (const { name, graph, title, description } of presets) {
    const whole = withDefaults(graph, definitions);
    files.set(`api/${name}.json`, whole);
    files.set(`${name}.json`, layOut({ name, graph: whole, note: `## ${title}\n\n${description}`, definitions }));
  }
  return files;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  mkdirSync(join(folder, 'api'), { recursive: true });
  for (const [path, value] of generateTemplates()) {
    writeFileSync(join(folder, path), `${JSON.stringify(value, undefined, 2)}\n`);
  }
}
