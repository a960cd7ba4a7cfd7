// The tree: who may import whom, how long files get, and that lists and files name the same things.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What every wing of the server may import: the files directly in server/, and what those may. */
const SERVER = ['server', 'engine', 'nodes', 'schemas'];

/** layer → the layers that it may import; `engine` and `server` stand for the files directly in those folders. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  schemas: [],
  engine: [],
  'engine/onnx': ['engine'],
  'engine/autodiff': ['engine', 'engine/onnx'],
  'engine/hub': ['engine'],
  'engine/image': ['engine'],
  'engine/plot': ['engine', 'engine/image'],
  'engine/clip': ['engine', 'engine/onnx', 'engine/hub', 'engine/image'],
  'engine/pez': ['engine', 'engine/onnx', 'engine/autodiff', 'engine/clip'],
  'engine/diffusion': ['engine', 'engine/onnx', 'engine/hub', 'engine/image', 'engine/clip'],
  'engine/rerank': ['engine', 'engine/clip', 'engine/pez', 'engine/diffusion'],
  nodes: ['engine/*', 'schemas'],
  server: ['engine', 'nodes', 'schemas'],
  'server/files': [...SERVER],
  'server/packs': [...SERVER],
  'server/saved-graph': [...SERVER],
  'server/validate': [...SERVER, 'server/packs'],
  'server/executor': [...SERVER, 'server/packs'],
  'server/worker': [...SERVER],
  'server/queue': [...SERVER, 'server/worker'],
  'server/sockets': [...SERVER],
  'server/http': [...SERVER, 'server/files', 'server/packs', 'server/validate', 'server/queue'],
  templates: ['nodes', 'schemas', 'server/*'],
  cli: ['engine/*', 'nodes', 'schemas', 'server/*'],
  docs: ['engine/autodiff', 'nodes', 'schemas'],
  bench: ['*'],
  test: ['*'],
};

/** Files of a layer that may import more: the composition roots. */
const EXCEPTIONS: Record<string, readonly string[]> = {
  'server/main.ts': ['engine/*', 'server/*'],
  'server/worker-main.ts': ['engine/*', 'server/*'],
  'server/environment.ts': ['server/files', 'server/packs'],
  'server/run-once.ts': ['server/validate', 'server/worker'],
};

const NOT_FOLDERS = ['src', 'lib', 'utils', 'types', 'common', 'helpers'];
const MAX_LINES = 500;

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((f) => f && existsSync(join(root, f)));
const sources = files.filter((f) => f.endsWith('.ts') || f.endsWith('.tsx'));

const layerOf = (file: string): string => {
  const [top, second, third] = file.split('/');
  return (top === 'engine' || top === 'server') && third ? `${top}/${second}` : top;
};

const allows = (allowed: readonly string[], layer: string): boolean =>
  allowed.some((a) => {
    const folder = a.endsWith('/*') && a.slice(0, -2);
    return a === '*' || a === layer || (folder && (layer === folder || layer.startsWith(`${folder}/`)));
  });

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import|import\()\s*'(\.[^']+)'/g)].map((m) => m[1]);
  return specifiers.map((s) => relative(root, resolve(root, dirname(file), s)));
}

test('layers import downwards only', () => {
  const wrong = sources.flatMap((file) => {
    const layer = layerOf(file);
    const allowed = [layer, ...(MAY_IMPORT[layer] ?? []), ...(EXCEPTIONS[file] ?? [])];
    return importsOf(file)
      .filter((target) => target.endsWith('.ts') && !allows(allowed, layerOf(target)))
      .map((target) => `${file} → ${target}`);
  });
  expect(wrong).toEqual([]);
});

test('the check of layers sees imports', () => {
  expect(importsOf('engine/autodiff/gradient.ts')).toContain('engine/onnx/read.ts');
  expect(importsOf('server/http/routes/prompt.ts')).toContain('server/queue/dispatcher.ts');
  expect(allows(MAY_IMPORT['engine/onnx'], 'engine/autodiff')).toBe(false);
  expect(allows(MAY_IMPORT['server/queue'], 'server/http')).toBe(false);
  expect(allows(['server/*'], 'server/http')).toBe(true);
});

test('every source folder is a layer of the table', () => {
  const unknown = sources.filter((f) => f.includes('/') && !(layerOf(f) in MAY_IMPORT) && !f.startsWith('examples/'));
  expect(unknown).toEqual([]);
});

test('no folder has a name that says nothing', () => {
  const folders = new Set(sources.filter((f) => !f.startsWith('test/')).flatMap((f) => dirname(f).split('/')));
  expect(NOT_FOLDERS.filter((name) => folders.has(name))).toEqual([]);
});

test(`no source file is longer than ${MAX_LINES} lines`, () => {
  const long = files.filter(
    (f) => /\.(ts|tsx|py|mjs|js)$/.test(f) && readFileSync(join(root, f), 'utf8').split('\n').length > MAX_LINES,
  );
  expect(long).toEqual([]);
});

test('every source file says in its first line what it is for', () => {
  const silent = sources.filter(
    (f) => !f.startsWith('test/') && !/^(#!.*\n)?(\/\/|\/\*\*) \S/.test(readFileSync(join(root, f), 'utf8')),
  );
  expect(silent).toEqual([]);
});

test('relative links in documents lead somewhere', () => {
  const documents = files.filter((f) => f.endsWith('.md') && !f.startsWith('test/fixtures'));
  const broken = documents.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
      .map((m) => m[1])
      .filter((target) => !existsSync(resolve(root, dirname(file), target)))
      .map((target) => `${file}: ${target}`),
  );
  expect(broken).toEqual([]);
});
