// Validation of prompts: every rule and every text.
// (protocol: Validation order; Validation errors; Submitting a prompt; Literal values; Security)
import fc from 'fast-check';
import {
  boolean,
  combo,
  defineNode,
  float,
  int,
  list,
  type NodeDefinition,
  optional,
  port,
  string,
} from '../../../nodes/define-node.ts';
import type { NodeFiles } from '../../../nodes/node-context.ts';
import { nodeErrors, promptError } from '../../../schemas/errors.ts';
import { stringifyJson } from '../../../server/json.ts';
import type { Registry } from '../../../server/packs/registry.ts';
import { repr } from '../../../server/validate/python-text.ts';
import { typesMatch } from '../../../server/validate/types-match.ts';
import { type Validation, type ValidationOptions, validatePrompt } from '../../../server/validate/validate-prompt.ts';

const shared = { displayName: '', category: '', description: '' };
const noRun = () => ({}) as never;
const definitions: NodeDefinition[] = [
  defineNode({
    ...shared,
    type: 'Image',
    inputs: {},
    outputs: { IMAGE: port('IMAGE'), MASK: port('MASK') },
    run: noRun,
  }),
  defineNode({
    ...shared,
    type: 'Blur',
    inputs: { image: port('IMAGE') },
    outputs: { IMAGE: port('IMAGE') },
    run: noRun,
  }),
  defineNode({ ...shared, type: 'Words', inputs: {}, outputs: { WORDS: list(port('STRING')) }, run: noRun }),
  defineNode({
    ...shared,
    type: 'Save',
    outputNode: true,
    inputs: { image: port('IMAGE'), mask: optional(port('MASK')) },
    outputs: {},
    run: noRun,
  }),
  defineNode({
    ...shared,
    type: 'Widgets',
    outputNode: true,
    inputs: {
      i: optional(int({ min: 0, max: 18446744073709551615n })),
      f: optional(float({ min: 0, max: 1 })),
      s: optional(string()),
      b: optional(boolean()),
      c: optional(combo(['a', 'b'])),
      many: optional(combo(Array.from({ length: 21 }, (_, index) => `choice ${index}`))),
      several: optional(combo(['x', 'y'], { multiselect: true } as object)),
      file: optional(combo((sources) => sources.inputImages())),
      any: optional(port('*')),
    },
    outputs: {},
    run: noRun,
  }),
  defineNode({
    ...shared,
    type: 'Any',
    outputNode: true,
    anyInputs: true,
    inputs: {},
    outputs: { out: port('*') },
    run: noRun,
  }),
  defineNode({
    ...shared,
    type: 'Judge',
    outputNode: true,
    inputs: { name: combo(['only this'] as readonly string[]), size: int({ min: 10 }) },
    outputs: {},
    validates: ['name'],
    validate: async ({ name }) => {
      if (name === 'boom') throw new TypeError('judge fell over');
      return name === 'fine' || name === undefined ? true : `no such thing: ${name}`;
    },
    run: noRun,
  }),
];
const registry: Registry = new Map(definitions.map((definition) => [definition.type, { definition, module: 'nodes' }]));
let reads = 0;
const sources = {
  inputImages: () => {
    reads++;
    return ['cat.png'];
  },
  models: () => [],
  clips: () => [],
  checkpoints: () => [],
  offersModel: () => false,
};
const options: ValidationOptions = { registry, sources, files: {} as NodeFiles };
const validate = (graph: unknown, more: Partial<ValidationOptions> = {}): Promise<Validation> =>
  validatePrompt(graph, { ...options, ...more });

const node = (class_type: string, inputs: Record<string, unknown> = {}) => ({ class_type, inputs });
const good = { '1': node('Image'), '2': node('Save', { image: ['1', 0] }) };

/** The errors of one Widgets node with one input. */
async function literal(name: string, value: unknown) {
  const result = await validate({ '1': node('Widgets', { [name]: value }) });
  return { value: result.prompt['1'].inputs[name], errors: result.nodeErrors['1']?.errors ?? [] };
}

test('a sound prompt passes, whole', async () => {
  expect(await validate(good)).toEqual({ prompt: good, outputs: ['2'], nodeErrors: {} });
});

test('a node without class_type and an unknown class stop everything', async () => {
  const nameless = await validate({ ...good, '3': { inputs: {}, _meta: { title: 'My node' } } });
  expect(nameless).toEqual({
    prompt: {},
    outputs: [],
    nodeErrors: {},
    error: {
      type: 'missing_node_type',
      message: "Node 'My node' has no class_type. The workflow may be corrupted or a custom node is missing.",
      details: "Node ID '#3'",
      extra_info: { node_id: '3', class_type: null, node_title: 'My node' },
    },
  });
  const unknown = await validate({ ...good, '3': node('Nope') });
  expect(unknown.error).toEqual({
    type: 'missing_node_type',
    message: "Node 'Nope' not found. The custom node may not be installed.",
    details: "Node ID '#3'",
    extra_info: { node_id: '3', class_type: 'Nope', node_title: null },
  });
  expect((await validate({ '7': {} })).error?.message).toMatch(/^Node 'ID #7' has no class_type/);
});

test('without output nodes, or with targets that are none, nothing can run', async () => {
  const error = { type: 'prompt_no_outputs', message: 'Prompt has no outputs', details: '', extra_info: {} };
  expect((await validate({})).error).toEqual(error);
  expect((await validate({ '1': node('Image') })).error).toEqual(error);
  expect((await validate(good, { targets: [] })).error).toEqual(error);
  expect((await validate(good, { targets: ['1', '9'] })).error).toEqual(error);
});

test('partial_execution_targets leave the other outputs out', async () => {
  const graph = { ...good, '3': node('Save'), '4': node('Save', { image: ['1', 0] }) };
  expect(await validate(graph, { targets: ['4'] })).toMatchObject({ outputs: ['4'], nodeErrors: {} });
});

test('a good output runs although another is wrong; dependent_outputs', async () => {
  const graph = {
    ...good,
    '3': node('Blur'),
    '4': node('Save', { image: ['3', 0] }),
    '5': node('Save', { image: ['3', 0] }),
  };
  const { outputs, nodeErrors: wrong, error } = await validate(graph);
  expect(error).toBeUndefined();
  expect(outputs).toEqual(['2']);
  expect(wrong).toEqual({
    '3': {
      errors: [
        {
          type: 'required_input_missing',
          message: 'Required input is missing',
          details: 'image',
          extra_info: { input_name: 'image' },
        },
      ],
      dependent_outputs: ['4', '5'],
      class_type: 'Blur',
    },
  });
});

test('where only ancestors failed, the details are empty; else one line an error', async () => {
  const ancestors = await validate({ '3': node('Blur'), '4': node('Save', { image: ['3', 0] }) });
  expect(ancestors.error).toEqual({
    type: 'prompt_outputs_failed_validation',
    message: 'Prompt outputs failed validation',
    details: '',
    extra_info: {},
  });
  const own = await validate({ '1': node('Save'), '2': node('Widgets', { i: 'x', c: 'z' }) });
  expect(own.error?.details.split('\n')).toEqual([
    'Required input is missing: image',
    "Failed to convert an input value to a INT value: i, x, 'x' is not an integer",
    "Value not in list: c: 'z' not in ['a', 'b']",
  ]);
});

test('nodes that no output needs are not validated', async () => {
  expect(await validate({ ...good, '3': node('Blur') })).toMatchObject({ outputs: ['2'], nodeErrors: {} });
});

test('a list of another length is a bad link', async () => {
  const { nodeErrors: wrong } = await validate({ '1': node('Save', { image: ['2'] }) });
  expect(wrong['1'].errors).toEqual([
    {
      type: 'bad_linked_input',
      message: 'Bad linked input, must be a length-2 list of [node_id, slot_index]',
      details: 'image',
      extra_info: { input_name: 'image', input_config: ['IMAGE', {}], received_value: ['2'] },
    },
  ]);
});

test('the types of a link must match', async () => {
  const { nodeErrors: wrong } = await validate({ '1': node('Image'), '2': node('Save', { image: ['1', 1] }) });
  expect(wrong['2'].errors).toEqual([
    {
      type: 'return_type_mismatch',
      message: 'Return type mismatch between linked nodes',
      details: 'image, received_type(MASK) mismatch input_type(IMAGE)',
      extra_info: { input_name: 'image', input_config: ['IMAGE', {}], received_type: 'MASK', linked_node: ['1', 1] },
    },
  ]);
  expect((await validate({ '1': node('Image'), '2': node('Widgets', { any: ['1', 1] }) })).outputs).toEqual(['2']);
  expect((await validate({ '1': node('Words'), '2': node('Widgets', { c: ['1', 0] }) })).outputs).toEqual(['2']);
});

test.each([
  ['A', 'A', true],
  ['A', 'B', false],
  ['*', 'B', true],
  ['A', '*', true],
  ['A,B', 'B, C', true],
  ['A,B', 'C,D', false],
  ['A', 'B,*', true],
])('an output %s into an input %s fits: %s', (received, declared, fits) =>
  expect(typesMatch(received, declared)).toBe(fits),
);

test.each([
  [['99', 0], 'KeyError', "['99', 0], but the prompt has no node '99'"],
  [[99, 0], 'KeyError', '[99, 0], but a node id is a string'],
  [['1', 5], 'IndexError', "['1', 5], but node '1' (Image) has 2 outputs, with indices 0 to 1"],
  [['1', '0'], 'TypeError', "['1', '0'], but an output index is an integer"],
  [[{}, 0], 'TypeError', '[{}, 0], but a node id is a string'],
])('the link %j raises where it stands', async (link, type, reason) => {
  const text = `Input 'image' has the link ${reason}. A link must be [node id, output index], for example ['4', 0].`;
  const outer = await validate({ '1': node('Image'), '2': node('Save', { image: link }) });
  expect(outer.nodeErrors['2'].errors).toEqual([
    {
      type: 'exception_during_validation',
      message: 'Exception when validating node',
      details: text,
      extra_info: { exception_type: type, traceback: [] },
    },
  ]);
  const inner = await validate({
    '1': node('Image'),
    '2': node('Blur', { image: link }),
    '3': node('Save', { image: ['2', 0] }),
  });
  expect(Object.keys(inner.nodeErrors)).toEqual(['2']);
  expect(inner.nodeErrors['2']).toEqual({
    errors: [
      {
        type: 'exception_during_inner_validation',
        message: 'Exception when validating inner node',
        details: text,
        extra_info: {
          input_name: 'image',
          input_config: ['IMAGE', {}],
          exception_message: text,
          exception_type: type,
          traceback: [],
          linked_node: ['2', 0],
        },
      },
    ],
    dependent_outputs: ['3'],
    class_type: 'Blur',
  });
});

test.each([
  ['i', 3.7, 3],
  ['i', '3', 3],
  ['i', ' 1_000 ', 1000],
  ['i', true, 1],
  ['i', 18446744073709551615n, 18446744073709551615n],
  ['i', '18446744073709551615', 18446744073709551615n],
  ['f', '0.5', 0.5],
  ['f', 1, 1],
  ['f', '1e-3', 0.001],
  ['s', 5, '5'],
  ['s', true, 'True'],
  ['s', null, 'None'],
  ['s', { __value__: ['a', 1] }, "['a', 1]"],
  ['b', 'false', true],
  ['b', '', false],
  ['b', 0, false],
  // A list stays wrapped: bare, it would be a link, which nobody has checked.
  ['any', { __value__: [1, 2, 3] }, { __value__: [1, 2, 3] }],
  ['any', { __value__: ['1', 0] }, { __value__: ['1', 0] }],
  ['any', { __value__: { __value__: ['1', 0] } }, { __value__: { __value__: ['1', 0] } }],
  ['any', { __value__: 5 }, 5],
  ['several', { __value__: ['x', 'y'] }, { __value__: ['x', 'y'] }],
])('%s takes %p as %p', async (name, value, converted) => {
  expect(await literal(name, value)).toEqual({ value: converted, errors: [] });
});

test.each([
  ['i', '3.7', "'3.7' is not an integer"],
  ['i', 'abc', "'abc' is not an integer"],
  ['i', null, 'an integer is needed, not null'],
  ['i', Number.NaN, "NaN can't be converted to an integer"],
  ['i', Infinity, "an infinite number can't be converted to an integer"],
  ['i', { a: 1 }, 'an integer is needed, not an object'],
  ['f', 'abc', "'abc' is not a number"],
  ['f', null, 'a number is needed, not null'],
])('%s does not take %p', async (name, value, reason) => {
  const { errors } = await literal(name, value);
  const type = name === 'i' ? 'INT' : 'FLOAT';
  expect(errors).toMatchObject([
    {
      type: 'invalid_input_type',
      message: `Failed to convert an input value to a ${type} value`,
      extra_info: { input_name: name, received_value: value, exception_message: reason },
    },
  ]);
  expect(errors[0].details).toBe(`${name}, ${typeof value === 'string' ? value : repr(value)}, ${reason}`);
});

test('a long text that is almost a number is refused at once', async () => {
  const started = performance.now();
  expect((await literal('f', `${'1'.repeat(100_000)}x`)).errors).toMatchObject([{ type: 'invalid_input_type' }]);
  expect(performance.now() - started).toBeLessThan(5000); // quadratic, it took 50 s
});

test.each([
  ['i', -1, 'value_smaller_than_min', 'Value -1 smaller than min of 0'],
  [
    'i',
    18446744073709551616n,
    'value_bigger_than_max',
    'Value 18446744073709551616 bigger than max of 18446744073709551615',
  ],
  ['f', -0.5, 'value_smaller_than_min', 'Value -0.5 smaller than min of 0.0'],
  ['f', 2, 'value_bigger_than_max', 'Value 2.0 bigger than max of 1.0'],
])('%s: %p is out of range', async (name, value, type, message) => {
  expect((await literal(name, value)).errors).toMatchObject([
    { type, message, details: name, extra_info: { input_name: name, received_value: value } },
  ]);
});

test('choices, with Python reprs; more than twenty are counted', async () => {
  expect((await literal('c', 'foo')).errors).toEqual([
    {
      type: 'value_not_in_list',
      message: 'Value not in list',
      details: "c: 'foo' not in ['a', 'b']",
      extra_info: { input_name: 'c', input_config: ['COMBO', { options: ['a', 'b'] }], received_value: 'foo' },
    },
  ]);
  expect((await literal('many', "it's")).errors).toMatchObject([
    { details: 'many: "it\'s" not in (list of length 21)', extra_info: { input_config: null } },
  ]);
  expect((await literal('several', { __value__: ['x', 'q', 1] })).errors).toMatchObject([
    { details: "several: 'q', 1 not in ['x', 'y']" },
  ]);
  expect((await literal('file', 'cat.png')).errors).toEqual([]);
  expect((await literal('file', 'dog.png')).errors).toMatchObject([{ details: "file: 'dog.png' not in ['cat.png']" }]);
});

test('lists that change are read once a validation', async () => {
  reads = 0;
  await validate(Object.fromEntries(Array.from({ length: 50 }, (_, id) => [id, node('Widgets', { file: 'cat.png' })])));
  expect(reads).toBe(1);
});

test('a validator of the node replaces range and choices of its inputs only', async () => {
  expect((await validate({ '1': node('Judge', { name: 'fine', size: 10 }) })).outputs).toEqual(['1']);
  const { nodeErrors: wrong } = await validate({ '1': node('Judge', { name: 'other', size: 1 }) });
  expect(wrong['1'].errors).toEqual([
    expect.objectContaining({ type: 'value_smaller_than_min' }),
    {
      type: 'custom_validation_failed',
      message: 'Custom validation failed for node',
      details: 'name - no such thing: other',
      extra_info: { input_name: 'name' },
    },
  ]);
  expect((await validate({ '1': node('Judge', { name: 'boom', size: 10 }) })).nodeErrors['1'].errors).toMatchObject([
    { type: 'exception_during_validation', details: 'judge fell over', extra_info: { exception_type: 'TypeError' } },
  ]);
});

test('every node of a cycle has the error, what hangs on it has none', async () => {
  const { nodeErrors: wrong, error } = await validate({
    '1': node('Blur', { image: ['2', 0] }),
    '2': node('Blur', { image: ['1', 0] }),
    '3': node('Save', { image: ['1', 0] }),
  });
  expect(error?.type).toBe('prompt_outputs_failed_validation');
  expect(Object.keys(wrong).sort()).toEqual(['1', '2']);
  expect(wrong['1']).toEqual({
    errors: [
      {
        type: 'dependency_cycle',
        message: 'Dependency cycle detected',
        details: '1 (Blur) -> 2 (Blur) -> 1 (Blur)',
        extra_info: { node_id: '1', cycle_nodes: ['1', '2'] },
      },
    ],
    dependent_outputs: ['3'],
    class_type: 'Blur',
  });
  const itself = await validate({ '1': node('Blur', { image: ['1', 0] }), '2': node('Save', { image: ['1', 0] }) });
  expect(itself.nodeErrors['1'].errors[0].details).toBe('1 (Blur) -> 1 (Blur)');
});

const chain = (length: number, first: unknown) =>
  Object.fromEntries([
    ...Array.from({ length }, (_, id) => [id, node('Blur', { image: id === 0 ? first : [`${id - 1}`, 0] })]),
    ['image', node('Image')],
    ['save', node('Save', { image: [`${length - 1}`, 0] })],
  ]);

test('a chain of 10,000 nodes is validated, a cycle of as many told', async () => {
  expect((await validate(chain(10_000, ['image', 0]))).outputs).toEqual(['save']);
  const { nodeErrors: wrong } = await validate(chain(10_000, ['9999', 0]));
  expect(Object.keys(wrong)).toHaveLength(1000);
  expect(wrong['5'].errors[0].details).toMatch(/… 9980 more -> 9999 \(Blur\)$/);
});

/** A graph of 19,000 nodes that is wrong in one way, and its output. */
const large = (inputs: (i: number) => Record<string, unknown>, type = 'Blur') => ({
  ...Object.fromEntries(Array.from({ length: 19_000 }, (_, i) => [`${i}`, node(type, inputs(i))])),
  save: node('Save', { image: ['0', 0] }),
});

test.each<[string, object]>([
  ['links back to the root', large((i) => ({ image: [`${(i + 1) % 19_000}`, 0], back: ['0', 0] }))],
  ['links back to the root from every node', large((i) => ({ a: [`${(i + 1) % 19_000}`, 0], b: ['0', 0] }), 'Any')],
  ['a cycle of one at every node', large((i) => ({ image: [`${i}`, 0] }), 'Save')],
  ['a value that is wrong at every node', large(() => ({ i: 'x'.repeat(50) }), 'Widgets')],
  ['outputs that all need what is wrong', large((i) => ({ image: [i > 9000 ? '1' : `${i + 1}`, 0] }), 'Save')],
])('%s: 19,000 nodes are told in a short answer, and others get a turn meanwhile', async (_, graph) => {
  let turns = 0;
  const ticking = setInterval(() => turns++, 1);
  const { nodeErrors: wrong, error } = await validate(graph).finally(() => clearInterval(ticking));
  expect(error?.type ?? 'some outputs are left').toMatch(/failed_validation|left/);
  expect(stringifyJson({ error, wrong }).length).toBeLessThan(2_500_000); // it was up to 30 MB
  expect(turns).toBeGreaterThan(3);
});

test('values that are large are not repeated in the answer', async () => {
  const values = Array.from({ length: 300_000 }, () => ({ a: 1 }));
  for (const input of [
    { i: { __value__: values } },
    { c: { a: values } },
    { i: values },
    { s: { __value__: values } },
  ]) {
    const answer = await validate({ '1': node('Widgets', input) });
    expect(answer.error?.type).toBe('prompt_outputs_failed_validation');
    expect(stringifyJson(answer.nodeErrors).length).toBeLessThan(10_000);
  }
});

test('ids of any length do not blow up the answer', async () => {
  const long = (i: number) => `${i}${'x'.repeat(10_000)}`;
  const loop = Array.from({ length: 300 }, (_, i) => [long(i), node('Save', { image: [long((i + 1) % 300), 0] })]);
  const fans = Array.from({ length: 300 }, (_, i) => [long(i), node('Save', { image: ['w', 0] })]);
  for (const graph of [Object.fromEntries(loop), { ...Object.fromEntries(fans), w: node('Blur') }]) {
    const answer = await validate(graph);
    expect(stringifyJson(answer.nodeErrors).length).toBeLessThan(8_000_000); // the graph has 6 MB
  }
});

test('a node with too many inputs is refused', async () => {
  const inputs = Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`x${i}`, 1]));
  expect((await validate({ '1': node('Widgets', inputs) })).error).toMatchObject({
    type: 'invalid_prompt',
    details: "Node '1' has 10001 inputs; the limit is 10000.",
  });
});

test('a graph with too many nodes is refused', async () => {
  expect((await validate(good, { maxNodes: 1 })).error).toMatchObject({
    type: 'prompt_too_large',
    details: 'The prompt has 2 nodes; the limit is 1.',
  });
});

test('__proto__ is a node id like any other', async () => {
  const graph = JSON.parse(
    '{"__proto__": {"class_type":"Image","inputs":{}}, "2": {"class_type":"Save","inputs":{"image":["__proto__",0]}}}',
  );
  const { prompt, outputs } = await validate(graph);
  expect(outputs).toEqual(['2']);
  expect(Object.keys(prompt)).toEqual(['2', '__proto__']);
  expect((await validate({ '2': node('Save', { image: ['toString', 0] }) })).nodeErrors['2'].errors[0].details).toBe(
    "Input 'image' has the link ['toString', 0], but the prompt has no node 'toString'. A link must be [node id, output index], for example ['4', 0].",
  );
});

test('the client’s graph is not changed', async () => {
  const graph = { '1': node('Widgets', { i: '3' }) };
  const { prompt } = await validate(graph);
  expect(graph['1'].inputs.i).toBe('3');
  expect(prompt['1'].inputs.i).toBe(3);
});

test('whatever JSON comes, the answer has the shape of the contract', async () => {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(['1', 0], ['2', 0], ['3', 1], [['1'], 0], ['9', 0], { __value__: [1] }),
  );
  const anyNode = fc.record(
    {
      class_type: fc.oneof(
        { weight: 20, arbitrary: fc.constantFrom('Image', 'Blur', 'Save', 'Widgets', 'Judge') },
        { weight: 1, arbitrary: fc.jsonValue() },
      ),
      inputs: fc.oneof(
        {
          weight: 9,
          arbitrary: fc.dictionary(
            fc.constantFrom('image', 'mask', 'i', 'f', 's', 'b', 'c', 'any', 'name', 'size'),
            value,
          ),
        },
        { weight: 1, arbitrary: fc.jsonValue() },
      ),
      _meta: fc.jsonValue(),
    },
    { requiredKeys: ['class_type'] },
  );
  const graph = fc.oneof(
    { weight: 9, arbitrary: fc.dictionary(fc.constantFrom('1', '2', '3', '4', '__proto__'), anyNode) },
    { weight: 1, arbitrary: fc.jsonValue() },
  );
  await fc.assert(
    fc.asyncProperty(graph, async (g) => {
      const result = await validate(g);
      nodeErrors.parse(result.nodeErrors);
      if (result.error) promptError.parse(result.error);
      expect(result.outputs.length === 0).toBe(result.error !== undefined);
    }),
    { seed: 4, numRuns: 1000 },
  );
});
