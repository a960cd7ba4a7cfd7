// What holds for every node: one list, one file each, described for people, and object_info in ComfyUI's shapes.
// (protocol: Node descriptions)
import { readdirSync, readFileSync } from 'node:fs';
import { nodePages } from '../../docs/generate-nodes.ts';
import type { NodeDefinition } from '../../nodes/define-node.ts';
import { nodes } from '../../nodes/index.ts';
import { nodeInfo } from '../../schemas/node-info.ts';
import { describeNode } from '../../server/packs/node-info.ts';
import { nodeOf, testSources } from '../helpers/node-context.ts';

const describeOurs = (definition: NodeDefinition) => describeNode({ definition, module: 'nodes' }, testSources);
const manifest = JSON.parse(readFileSync('manifest.json', 'utf8'));

test('the list of nodes, the files that declare one, and the manifest name the same set', () => {
  const declared = readdirSync('nodes').flatMap((file) => {
    const types = [...readFileSync(`nodes/${file}`, 'utf8').matchAll(/= defineNode\(\{\s*type: '(\w+)'/g)];
    return types.map(([, type]) => ({ type, file: `nodes/${file}` }));
  });
  const byType = (a: { type: string }, b: { type: string }) => (a.type < b.type ? -1 : 1);
  expect(manifest.nodes.toSorted(byType)).toEqual(declared.toSorted(byType));
  expect(nodes.map((node) => node.type).sort()).toEqual(declared.map(({ type }) => type).sort());
  expect(new Set(declared.map(({ file }) => file)).size).toBe(declared.length);
});

test.each(nodes.map((node) => [node.type, node] as const))('%s is described for people', (_, node) => {
  const silent = [...Object.entries(node.inputs), ...Object.entries(node.outputs)]
    .filter(([, slot]) => !('options' in slot ? (slot.options as { tooltip?: string }) : slot).tooltip?.trim())
    .map(([name]) => name);
  expect(silent).toEqual([]);
  expect(node.description).toMatch(/\.$/);
});

test('docs/nodes is what docs/generate-nodes.ts writes', () => {
  const onDisk = new Map(readdirSync('docs/nodes').map((name) => [name, readFileSync(`docs/nodes/${name}`, 'utf8')]));
  const pages = nodePages();
  expect([...onDisk.keys()].sort()).toEqual([...pages.keys()].sort());
  for (const [name, text] of pages) expect([name, onDisk.get(name)]).toEqual([name, text]);
});

describe('object_info', () => {
  test.each(nodes.map((node) => [node.type, node] as const))('%s fits the schema', (_, node) => {
    expect(nodeInfo.safeParse(describeOurs(node)).error).toBeUndefined();
  });

  test('an entry has ComfyUI’s keys, in the order of the declaration', () => {
    expect(describeOurs(nodeOf('SaveImage'))).toMatchObject({
      input: {
        required: { images: ['IMAGE', {}], filename_prefix: ['STRING', { default: 'ComfyUI' }] },
        hidden: { prompt: 'PROMPT', extra_pnginfo: 'EXTRA_PNGINFO' },
      },
      input_order: { required: ['images', 'filename_prefix'], hidden: ['prompt', 'extra_pnginfo'] },
      output: [],
      name: 'SaveImage',
      display_name: 'Save Image',
      category: 'image',
      python_module: 'nodes',
      output_node: true,
    });
  });

  test('sections that are empty are absent, but for `required`', () => {
    const { input, input_order } = describeOurs({ ...nodeOf('PreviewAny'), inputs: {} });
    expect(input).toEqual({ required: {} });
    expect(input_order).toEqual({ required: [] });
  });

  test('lists that client SDKs read stand where the type stands, with the choices of the moment', () => {
    expect(describeOurs(nodeOf('LoadImage')).input.required.image).toEqual([
      ['a.png', 'b.png'],
      expect.objectContaining({ image_upload: true }),
    ]);
    expect(describeOurs(nodeOf('CLIPLoader')).input.required.clip_name[0]).toEqual(['pico-clip']);
  });

  test('other lists are COMBOs with options', () => {
    expect(describeOurs(nodeOf('TokenSwap')).input.required.mode).toEqual([
      'COMBO',
      expect.objectContaining({ default: 'auto', options: ['auto', 'word', 'position'] }),
    ]);
  });

  test('the range of a seed is whole, beyond what a double holds', () => {
    const [, options] = describeOurs(nodeOf('PEZInvert')).input.required.seed;
    expect(options).toMatchObject({ default: 0, min: 0, max: 18446744073709551615n, control_after_generate: true });
  });

  test('lists and tooltips of outputs stand beside the outputs', () => {
    const info = describeOurs(nodeOf('PEZInvert'));
    expect(info.output).toEqual(['STRING', 'FLOAT', 'PEZ_PROMPT', 'IMAGE', 'STRING']);
    expect(info.output_name).toEqual(['prompt', 'similarity', 'tokens', 'plot', 'candidates']);
    expect(info.output_is_list).toEqual([false, false, false, false, true]);
    expect(info.output_tooltips).toHaveLength(5);
    expect(info).toMatchObject({ output_node: false, has_intermediate_output: true });
  });

  test('flags are there only when they are set', () => {
    const node = nodeOf('PreviewAny');
    expect(Object.keys(describeOurs({ ...node, searchAliases: undefined }))).not.toEqual(
      expect.arrayContaining(['deprecated', 'search_aliases']),
    );
    expect(describeOurs({ ...node, deprecated: true, experimental: true })).toMatchObject({
      deprecated: true,
      experimental: true,
    });
  });
});
