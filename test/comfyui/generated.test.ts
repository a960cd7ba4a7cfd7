// What the pack says of our nodes follows from their declarations, and what the Comfy Registry asks of a pack is there.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packFiles } from '../../comfyui/generate/main.ts';
import { examples } from '../../comfyui/generate/workflows.ts';
import { packFolder } from './python-pack.ts';

const read = (path: string): string => readFileSync(join(packFolder, path), 'utf8');
const filesBelow = (path: string): string[] =>
  readdirSync(join(packFolder, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(packFolder.length + 1));

test('files that follow from the declarations are up to date (npx tsx comfyui/generate/main.ts)', () => {
  for (const [path, text] of packFiles()) expect([path, read(path)]).toEqual([path, text]);
});

test('there are no others beside them', () => {
  const generated = new Set(packFiles().keys());
  const found = ['locales', 'web/docs', 'example_workflows'].flatMap(filesBelow).filter((f) => !f.endsWith('.jpg'));
  expect(found.filter((path) => !generated.has(path))).toEqual([]);
});

test('every example has a picture of its name', () => {
  for (const { name } of examples) expect(existsSync(join(packFolder, `example_workflows/${name}.jpg`))).toBe(true);
});

test('pyproject.toml names what the registry needs, and our version', () => {
  const text = read('pyproject.toml');
  const { version } = JSON.parse(readFileSync(join(packFolder, '../package.json'), 'utf8'));
  const value = (key: string) => new RegExp(`^${key} = (.*)$`, 'm').exec(text)?.[1];
  expect(value('name')).toBe('"pez-nodes"');
  expect(value('version')).toBe(`"${version}"`);
  for (const key of ['description', 'license', 'requires-python', 'Repository', 'PublisherId', 'DisplayName', 'Icon'])
    expect([key, value(key)]).toEqual([key, expect.stringMatching(/\S/)]);
  expect(value('dependencies')).toBe('[]');
  expect(value('requires-comfyui')).toMatch(/^">=/);
});

test('the pack ships with the package', () => {
  const { files } = JSON.parse(readFileSync(join(packFolder, '../package.json'), 'utf8'));
  expect(files).toContain('comfyui');
});
