// Packs: ours and those of a folder, loaded by manifest.json; one that fails is named and stops nothing (protocol: Packs and templates).
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Blocker, NodeResult } from '../../../nodes/define-node.ts';
import type { NodeContext } from '../../../nodes/node-context.ts';
import { createRegistry, loadPacks, type Pack } from '../../../server/packs/packs.ts';

const examplePack = join(import.meta.dirname, '../../../docs/example-pack');
const noContext = {} as NodeContext;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'packs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const nodeSource = (type: string, extra = '') =>
  `export default ({ defineNode, string, port }) => defineNode({ type: '${type}', displayName: '${type}', category: 'c',
    description: '', inputs: { text: string() }, outputs: { text: port('STRING') }, run: ({ text }) => ({ text }), ${extra} });`;

/** Writes a pack; `files` beside a manifest that names every .mjs of them. */
function writePack(name: string, files: Record<string, string>, manifest: object | string = {}): string {
  const dir = join(folder, name);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(dir, file, '..'), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
  mkdirSync(dir, { recursive: true });
  const nodes = Object.keys(files).filter((f) => f.endsWith('.mjs'));
  const text = typeof manifest === 'string' ? manifest : JSON.stringify({ name, version: '1.0.0', nodes, ...manifest });
  writeFileSync(join(dir, 'manifest.json'), text);
  return dir;
}

async function loadOne(): Promise<Pack> {
  const [, pack, ...more] = await loadPacks({ packDirs: [folder], importTimeoutMs: 2_000 });
  expect(more).toEqual([]);
  return pack;
}

test('our pack comes first, with its nodes and templates', async () => {
  const [ours, ...others] = await loadPacks({ packDirs: [] });
  expect(ours).toMatchObject({ name: 'pez-nodes', module: 'nodes' });
  expect(ours.error).toBeUndefined();
  expect(ours.nodes.map((n) => n.type)).toContain('PrimitiveStringMultiline');
  expect(others).toEqual([]);
});

test('the manifest may name classes with their modules', async () => {
  writePack('p', { 'n.mjs': nodeSource('X') }, { nodes: [{ type: 'X', file: 'n.mjs' }] });
  expect((await loadOne()).nodes.map((n) => n.type)).toEqual(['X']);
});

test('the example pack of docs/ loads: nodes, web folder, templates, help', async () => {
  const packs = await loadPacks({ packDirs: [examplePack] });
  const pack = packs[1];
  expect(pack).toMatchObject({ name: 'example-pack', module: 'custom_nodes.example-pack' });
  expect(pack.error).toBeUndefined();
  expect(pack).toMatchObject({
    webDir: join(pack.dir, 'web'),
    templateDirs: [join(pack.dir, 'templates')],
    docsDir: join(pack.dir, 'docs'),
    manifest: { version: '1.0.0', templates: [{ name: 'tidy-and-count' }] },
  });
  const registry = createRegistry(packs);
  expect(registry.get('PrimitiveStringMultiline')?.module).toBe('nodes');
  const wordCount = registry.get('WordCount');
  expect(wordCount?.module).toBe('custom_nodes.example-pack');
  const result = await wordCount?.definition.run({ prompt: 'a tiger, in the snow' }, noContext);
  expect(result).toBeInstanceOf(NodeResult);
  expect(result).toMatchObject({ outputs: { words: 5 }, ui: { text: ['5 words'] } });
  const promptCase = registry.get('PromptCase')?.definition;
  expect(promptCase?.run({ prompt: "a TIGER's ear", case: 'title' }, noContext)).toEqual({ prompt: "A Tiger's Ear" });
});

test('packs load in the order of their names; disabled and hidden ones, and folders without manifest.json, do not', async () => {
  for (const name of ['b', 'a', 'c.disabled', '.git']) writePack(name, { 'n.mjs': nodeSource(`Node_${name}`) });
  mkdirSync(join(folder, 'pictures'));
  const packs = await loadPacks({ packDirs: [folder] });
  expect(packs.slice(1).map((p) => [p.name, p.module, p.nodes[0].type])).toEqual([
    ['a', 'custom_nodes.a', 'Node_a'],
    ['b', 'custom_nodes.b', 'Node_b'],
  ]);
});

test('a module may export nodes by default, in a list, by name, or a function that gets the API', async () => {
  const plain = (type: string) =>
    `{ type: '${type}', displayName: '', category: '', description: '', inputs: {}, outputs: {}, run: () => ({}) }`;
  writePack('forms', {
    'a.mjs': `export default ${plain('A')}`,
    'b.mjs': `export default [${plain('B1')}, ${plain('B2')}]`,
    'c.mjs': `export const c = ${plain('C')}; export const helper = () => 1; export const n = 3;`,
    'd.mjs': `export default async ({ defineNode, Blocker }) => [defineNode({ ...${plain('D')}, run: () => new Blocker('x') })]`,
    'e.mjs': `export const nodes = [${plain('E')}]; export default nodes;`,
  });
  const pack = await loadOne();
  expect(pack.error).toBeUndefined();
  expect(pack.nodes.map((n) => n.type)).toEqual(['A', 'B1', 'B2', 'C', 'D', 'E']);
  expect(pack.nodes[4].run({}, noContext)).toBeInstanceOf(Blocker);
});

const broken: [what: string, write: () => void, reason: RegExp][] = [
  ['manifest.json is not JSON', () => writePack('p', {}, '{'), /manifest\.json is not JSON/],
  ['the version is missing', () => writePack('p', {}, '{"name":"p"}'), /manifest\.json: .*version/],
  ['a module is missing', () => writePack('p', {}, { nodes: ['n.mjs'] }), /there is no file n\.mjs/],
  ['a module throws', () => writePack('p', { 'n.mjs': 'throw new Error("boom")' }), /n\.mjs failed to load: boom/],
  ['a module does not parse', () => writePack('p', { 'n.mjs': 'export default {' }), /n\.mjs failed to load/],
  ['a module never finishes', () => writePack('p', { 'n.mjs': 'await new Promise(() => {})' }), /within 2 s/],
  ['a module exports no nodes', () => writePack('p', { 'n.mjs': 'export const x = 1' }), /n\.mjs exports no nodes/],
  [
    'a node lacks run',
    () => writePack('p', { 'n.mjs': nodeSource('X', 'run: 1') }),
    /n\.mjs: node X: run: must be a function/,
  ],
  [
    'an input is no input',
    () => writePack('p', { 'n.mjs': nodeSource('X', 'inputs: { a: "STRING" }') }),
    /node X: inputs\.a/,
  ],
  ['a class is called __proto__', () => writePack('p', { 'n.mjs': nodeSource('__proto__') }), /printable name/],
  [
    'it takes the name of a built-in node',
    () => writePack('p', { 'n.mjs': nodeSource('PrimitiveStringMultiline') }),
    /name of a built-in node/,
  ],
  [
    'a class is defined twice',
    () => writePack('p', { 'a.mjs': nodeSource('X'), 'b.mjs': nodeSource('X') }),
    /X is defined twice/,
  ],
  [
    'the manifest names a class that is not exported',
    () => writePack('p', { 'n.mjs': nodeSource('X') }, { nodes: [{ type: 'Y', file: 'n.mjs' }] }),
    /names the node Y, which n\.mjs does not export/,
  ],
  ['its name is that of our pack', () => writePack('pez-nodes', {}), /a pack of this name was already loaded/],
  ['a path climbs out', () => writePack('p', {}, { nodes: ['../n.mjs'] }), /path inside the pack/],
  ['a path is absolute', () => writePack('p', {}, { web: '/etc' }), /path inside the pack/],
  ['the web folder is missing', () => writePack('p', {}, { web: 'web' }), /there is no folder web/],
  [
    'a symlink leads out',
    () => symlinkSync(tmpdir(), join(writePack('p', {}, { web: 'web' }), 'web')),
    /web leads out of the pack's folder/,
  ],
  ['a module is no JavaScript', () => writePack('p', { 'n.txt': '' }, { nodes: ['n.txt'] }), /not a \.js or \.mjs/],
];

test.each(broken)('a pack is reported with the reason where %s', async (_, write, reason) => {
  write();
  const pack = await loadOne();
  expect(pack.error).toMatch(reason);
  expect(pack.nodes).toEqual([]);
});

test('a pack that fails does not keep the next one from loading, and of two with one class the first wins', async () => {
  writePack('a', { 'n.mjs': 'throw 1' });
  writePack('b', { 'n.mjs': nodeSource('Same') });
  writePack('c', { 'n.mjs': nodeSource('Same') });
  const packs = await loadPacks({ packDirs: [folder] });
  expect(packs.slice(1).map((p) => [p.name, p.error])).toEqual([
    ['a', 'n.mjs failed to load: 1'],
    ['b', undefined],
    ['c', 'the pack b already has a node Same'],
  ]);
  expect(createRegistry(packs).get('Same')?.module).toBe('custom_nodes.b');
});

test('a folder of packs that is not there is reported, and a link to a pack is followed', async () => {
  symlinkSync(examplePack, join(folder, 'linked'));
  const packs = await loadPacks({ packDirs: [join(folder, 'nowhere'), folder] });
  expect(packs[1]).toMatchObject({ nodes: [], error: expect.stringMatching(/can't be read.*ENOENT/) });
  expect(packs[2]).toMatchObject({ name: 'linked', dir: realpathSync(examplePack) });
  expect(packs[2].error).toBeUndefined();
});
