// The tree: who may import whom, how long functions get, and that lists and files name the same things.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { functionsIn } from './helpers/functions-in.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What every wing of the server may import: the files directly in server/, and what those may. */
const SERVER = ['server', 'engine', 'nodes', 'schemas'];

/** layer → the layers that it may import; `engine` and `server` stand for the files directly in those folders. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  schemas: [],
  engine: [],
  'engine/onnx': ['engine'],
  'engine/autodiff': ['engine', 'engine/onnx'],
  'engine/hub': ['engine', 'engine/onnx', 'engine/safetensors'],
  'engine/safetensors': ['engine', 'engine/onnx'],
  'engine/architectures': ['engine', 'engine/onnx', 'engine/hub', 'engine/safetensors'],
  'engine/image': ['engine'],
  'engine/plot': ['engine', 'engine/image'],
  'engine/clip': ['engine', 'engine/onnx', 'engine/hub', 'engine/image', 'engine/safetensors', 'engine/architectures'],
  'engine/pez': ['engine', 'engine/onnx', 'engine/autodiff', 'engine/clip'],
  'engine/diffusion': [
    'engine',
    'engine/onnx',
    'engine/hub',
    'engine/image',
    'engine/clip',
    'engine/safetensors',
    'engine/architectures',
  ],
  'engine/model-check': [
    'engine',
    'engine/onnx',
    'engine/hub',
    'engine/image',
    'engine/clip',
    'engine/pez',
    'engine/diffusion',
  ],
  'engine/rerank': ['engine', 'engine/image', 'engine/clip', 'engine/pez', 'engine/diffusion'],
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
  web: [],
  'web/components': [],
  'web/studio': ['schemas', 'web/components'],
  'web/stories': ['web/components'],
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
/** Of a function, from its first line to its last, what it nests included. Tables and data are not functions. */
const MAX_LINES = 60;

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((f) => f && existsSync(join(root, f)));
const sources = files.filter((f) => f.endsWith('.ts') || f.endsWith('.tsx'));

const layerOf = (file: string): string => {
  const [top, second, third] = file.split('/');
  return ['engine', 'server', 'web'].includes(top) && third ? `${top}/${second}` : top;
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

test(`no function is longer than ${MAX_LINES} lines`, () => {
  const long = sources
    .filter((file) => !file.startsWith('test/'))
    .flatMap((file) =>
      functionsIn(readFileSync(join(root, file), 'utf8'), { tsx: file.endsWith('.tsx') }).map((f) => ({ file, ...f })),
    )
    .filter(({ lines }) => lines > MAX_LINES)
    .map(({ file, line, name, lines }) => `${file}:${line} ${name} has ${lines} lines`);
  expect(long).toEqual([]);
});

test('the measure of functions sees each kind of function, its name and its lines', () => {
  const source = `#!/usr/bin/env node
// A comment first: é€😀.
export default function plain() {
  return 1;
}

const arrow = (a: number) =>
  a;

export class Box<T> {
  #value: T;
  /** Not counted. */
  constructor(value: T) {
    this.#value = value;
  }
  get value() {
    return this.#value;
  }
  async *#walk() {
    yield [1].map(function double(x) {
      return 2 * x;
    });
  }
  static later = () => {};
}

const table = {
  method() {},
  'an arrow': async () => {
  },
  data: ['é',
    1],
};
list.sort((a, b) => a - b);
`;
  const seen = functionsIn(source).map(({ line, name, lines }) => [line, name, lines]);
  const expected = [
    [3, 'plain', 3],
    [7, 'arrow', 2],
    [13, 'constructor', 3],
    [16, 'value', 3],
    [19, '#walk', 5],
    [20, 'double', 3],
    [24, 'later', 1],
    [28, 'method', 1],
    [29, 'an arrow', 2],
    [34, '(anonymous)', 1],
  ];
  expect(seen).toEqual(expected);
  expect(functionsIn(source)).toEqual(functionsIn(source)); // the parser counts on from file to file
  const long = `// first\nfunction long() {\n${'  work();\n'.repeat(MAX_LINES)}}\n`;
  expect(functionsIn(long)).toEqual([{ line: 2, name: 'long', lines: MAX_LINES + 2 }]);
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

/** Comments of a source file, one line each. */
const commentsOf = (file: string): string[] =>
  readFileSync(join(root, file), 'utf8')
    .split('\n')
    .flatMap((line) => /(?:^|\s)(?:\/\/|#|\/\*\*?|\*) .*$/.exec(line)?.[0] ?? []);

const scripts = files.filter((f) => /\.(ts|tsx|mjs|js|py)$/.test(f) && f !== 'test/architecture.test.ts');

/** Sections of docs/protocol.md: heading → text. */
const protocol = new Map(
  readFileSync(join(root, 'docs/protocol.md'), 'utf8')
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.split('\n', 1)[0], section]),
);

/** What `(protocol: Queue; Order of events, rule 3)` cites. */
function citations(text: string): { heading: string; rule?: string }[] {
  return [...text.matchAll(/\(protocol: ([^()]+)\)/g)]
    .flatMap((m) => m[1].split('; '))
    .map((cited) => ({ heading: cited.replace(/, rule \d$/, ''), rule: /, rule (\d)$/.exec(cited)?.[1] }));
}

const isThere = ({ heading, rule }: { heading: string; rule?: string }): boolean =>
  protocol.has(heading) && (rule === undefined || protocol.get(heading)!.includes(`\n${rule}. `));

test('what comments cite of the protocol is in docs/protocol.md', () => {
  const cited = scripts.flatMap((file) =>
    citations(readFileSync(join(root, file), 'utf8')).map((citation) => ({ file, ...citation })),
  );
  expect(cited.filter((citation) => !isThere(citation))).toEqual([]);
  expect(cited.length).toBeGreaterThan(50);
});

test('the check of citations sees wrong ones', () => {
  expect(citations('// one (protocol: Queue; Order of events, rule 3) and (protocol: Nowhere).').map(isThere)).toEqual([
    true,
    true,
    false,
  ]);
  expect(isThere({ heading: 'Order of events', rule: '9' })).toBe(false);
});

/** Documents of other projects, which comments may name. */
const ELSEWHERE = ['docs/ContribOperators.md']; // onnxruntime's

test('comments name only documents that the repository holds', () => {
  const documents = new Set(files.filter((f) => f.endsWith('.md')));
  const isHeld = (file: string, name: string): boolean =>
    [name, join('docs', name), join(dirname(file), name)].some((path) => documents.has(path));
  const wrong = scripts.flatMap((file) =>
    commentsOf(file)
      .flatMap((comment) => [...comment.matchAll(/(?<![\w<>*`/.-])[\w][\w./-]*\.md\b/g)].map(([name]) => name))
      .filter((name) => !isHeld(file, name) && !ELSEWHERE.includes(name))
      .map((name) => `${file}: ${name}`),
  );
  expect(wrong).toEqual([]);
});

test('tests are named by sentences, not by numbers of sections', () => {
  const numbered = scripts
    .filter((f) => f.startsWith('test/') && f.endsWith('.test.ts'))
    .flatMap((file) =>
      [...readFileSync(join(root, file), 'utf8').matchAll(/['"`]\d+(?:\.\d+)+[a-e]?(?:, [^'"`:]+)?: [^'"`]*/g)].map(
        ([name]) => `${file}: ${name}`,
      ),
    );
  expect(numbered).toEqual([]);
});
