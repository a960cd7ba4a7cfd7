// The JSON Schemas that the server serves: sound draft 2020-12, and they take what we ship and refuse what is wrong.
// (protocol: Saved graphs; API format; Addressing of events; Node descriptions)
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { nodes } from '../../nodes/index.ts';
import { executionMessages } from '../../schemas/events.ts';
import { boundaries, type JsonSchema, jsonSchemas } from '../../schemas/json-schema.ts';
import { describeNode } from '../../server/packs/node-info.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));

const KEYWORDS = new Set(
  `$schema $id $defs $ref title description default type enum const properties required additionalProperties
  propertyNames items prefixItems minItems maxItems anyOf oneOf allOf not minimum maximum exclusiveMinimum
  exclusiveMaximum multipleOf minLength maxLength pattern format`.split(/\s+/),
);
const TYPES = ['null', 'boolean', 'object', 'array', 'number', 'string', 'integer'];

/** Every schema inside a schema, itself first. */
function* schemasIn(schema: unknown): Generator<Record<string, unknown>> {
  if (typeof schema !== 'object' || schema === null) return;
  const s = schema as Record<string, unknown>;
  yield s;
  for (const key of ['properties', '$defs']) for (const inner of Object.values(s[key] ?? {})) yield* schemasIn(inner);
  for (const key of ['anyOf', 'oneOf', 'allOf', 'prefixItems']) {
    for (const inner of (s[key] as unknown[]) ?? []) yield* schemasIn(inner);
  }
  for (const key of ['items', 'additionalProperties', 'propertyNames', 'not']) yield* schemasIn(s[key]);
}

const resolves = (whole: JsonSchema, ref: string): boolean =>
  ref.startsWith('#') &&
  ref
    .split('/')
    .slice(1)
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], whole) !== undefined;

test.each(Object.entries(jsonSchemas))('%s is sound draft 2020-12', (name, whole) => {
  expect(whole).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `/schemas/${name}.json`,
    title: expect.any(String),
  });
  for (const schema of schemasIn(whole)) {
    expect(Object.keys(schema).filter((key) => !KEYWORDS.has(key))).toEqual([]);
    for (const type of [schema.type ?? []].flat()) expect(TYPES).toContain(type);
    if (schema.pattern) expect(() => new RegExp(schema.pattern as string, 'u')).not.toThrow();
    if (schema.$ref) expect(resolves(whole, schema.$ref as string)).toBe(true);
    if (schema.properties && schema.required) {
      expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(schema.required as string[]));
    }
  }
});

/** Accepts by our schema and by the JSON Schema made from it, read back. */
function accepts(name: string, value: unknown): boolean {
  const ours = boundaries[name].safeParse(value).success;
  const theirs = z.fromJSONSchema(jsonSchemas[name] as Parameters<typeof z.fromJSONSchema>[0]).safeParse(value).success;
  expect(theirs).toBe(ours);
  return ours;
}

test('manifests of our pack and of the example validate; paths that climb out and bad versions do not', () => {
  const example = read('docs/example-pack/manifest.json');
  expect(accepts('manifest', read('manifest.json'))).toBe(true);
  expect(accepts('manifest', example)).toBe(true);
  for (const wrong of [
    { version: 'one' },
    { name: '' },
    { web: '../web' },
    { web: 'a/../b' },
    { web: '/web' },
    { web: 'C:/web' },
    { web: 'a\\b' },
    { nodes: 'n.js' },
    { templates: [{ name: '../x', title: 'x', description: '' }] },
  ]) {
    expect([wrong, accepts('manifest', { ...example, ...wrong })]).toEqual([wrong, false]);
  }
  expect(accepts('manifest', { ...example, web: 'a/..b/c', somethingElse: 1 })).toBe(true);
});

const templateFiles = ['docs/example-pack/templates', 'templates'].flatMap((dir) =>
  readdirSync(join(root, dir))
    .filter((file) => file.endsWith('.json'))
    .map((file) => join(dir, file)),
);

test.each(templateFiles)('%s is a graph in UI format', (file) => {
  expect(accepts('template', read(file))).toBe(true);
});

test('version 1 with links as objects is a template too, other versions are none', () => {
  const graph = {
    version: 1,
    state: { lastGroupId: 0, lastNodeId: 2, lastLinkId: 1, lastRerouteId: 0 },
    nodes: [{ id: 1, type: 'A', pos: { 0: 1, 1: 2 }, size: [3, 4], mode: 4, widgets_values: { a: 1 } }],
    links: [{ id: 1, origin_id: 1, origin_slot: 0, target_id: '2', target_slot: 0, type: '*' }],
  };
  expect(accepts('template', graph)).toBe(true);
  expect(accepts('template', { ...graph, version: 2 })).toBe(false);
  expect(accepts('template', { ...graph, version: 0.4 })).toBe(false);
});

test('a prompt graph needs class_type and inputs of every node', () => {
  const graph = { '12:7': { class_type: 'A', inputs: { a: 1, b: ['3', 0] }, _meta: { title: 'A' } } };
  expect(accepts('prompt-graph', graph)).toBe(true);
  expect(accepts('prompt-request', { prompt: graph, client_id: 'c', prompt_id: null, more: true })).toBe(true);
  expect(accepts('prompt-graph', { 1: { inputs: {} } })).toBe(false);
  expect(accepts('prompt-graph', [])).toBe(false);
});

test('every message of a prompt has a schema', () => {
  for (const type of Object.keys(executionMessages)) {
    expect(jsonSchemas).toHaveProperty(`event-${type.replaceAll('_', '-')}`);
  }
  expect(accepts('event-executing', { node: null, prompt_id: 'p' })).toBe(true);
  expect(accepts('event-executing', { prompt_id: 'p' })).toBe(false);
  expect(accepts('event-status', { status: { exec_info: { queue_remaining: 1 } }, sid: 's' })).toBe(true);
  expect(accepts('event-status', { status: { exec_info: { queue_remaining: 0.5 } } })).toBe(false);
  expect(accepts('event-logs', { entries: [{ t: '2026-01-01', m: 'x' }], size: null })).toBe(true);
});

test('the legacy form of a combo and options are node descriptions', () => {
  const info = {
    input: { required: { a: ['INT', { min: 0 }], b: [['x', 'y']], c: ['IMAGE'] }, hidden: { id: 'UNIQUE_ID' } },
    input_order: { required: ['a', 'b', 'c'] },
    is_input_list: false,
    output: ['IMAGE'],
    output_is_list: [false],
    output_name: ['image'],
    name: 'A',
    display_name: 'A',
    description: '',
    category: 'x',
    python_module: 'nodes',
    output_node: false,
    has_intermediate_output: false,
  };
  expect(accepts('object-info', { A: info })).toBe(true);
  expect(accepts('object-info', { A: { ...info, input: { required: { a: [] } } } })).toBe(false);
  expect(accepts('object-info', { A: { ...info, python_module: undefined } })).toBe(false);
});

test('object_info of every node that we ship validates', () => {
  const sources = {
    inputImages: () => ['a.png'],
    models: () => ['a.safetensors'],
    clips: () => ['pico-clip'],
    checkpoints: () => [],
    offersModel: () => false,
  };
  const info = nodes.map((definition) => [definition.type, describeNode({ definition, module: 'nodes' }, sources)]);
  expect(accepts('object-info', Object.fromEntries(info))).toBe(true);
});
